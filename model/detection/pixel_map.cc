#include "model/detection/pixel_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>

namespace bayespfl {
namespace {

// Where an output sample lies between two input samples.
struct Tap {
  size_t low;
  size_t high;
  float weight;  // of `high`
};

std::vector<Tap> LinearTaps(int from, int to) {
  std::vector<Tap> taps(static_cast<size_t>(to));
  const double scale = static_cast<double>(from) / to;
  for (int o = 0; o < to; ++o) {
    const double source = std::clamp((o + 0.5) * scale - 0.5, 0.0, from - 1.0);
    const auto low = static_cast<size_t>(source);
    taps[static_cast<size_t>(o)] = {low, std::min(low + 1, static_cast<size_t>(from) - 1),
                                    static_cast<float>(source - static_cast<double>(low))};
  }
  return taps;
}

// Half-sample reflection, repeated when the axis is shorter than the radius.
int Reflect(int index, int length) {
  const int period = 2 * length;
  const int wrapped = ((index % period) + period) % period;
  return wrapped < length ? wrapped : period - 1 - wrapped;
}

std::vector<double> GaussianKernel(double sigma) {
  const int radius = static_cast<int>(4 * sigma + 0.5);
  std::vector<double> kernel;
  double sum = 0;
  for (int i = -radius; i <= radius; ++i) {
    kernel.push_back(std::exp(-0.5 * i * i / (sigma * sigma)));
    sum += kernel.back();
  }
  for (double& weight : kernel) weight /= sum;
  return kernel;
}

// Convolves along one axis: `length` samples `stride` apart, for each of `lines` lines `line_stride` apart.
void SmoothAxis(const std::vector<double>& kernel, int length, size_t stride, int lines, size_t line_stride,
                std::vector<float>& values) {
  const int radius = static_cast<int>(kernel.size() / 2);
  std::vector<double> padded(static_cast<size_t>(length) + 2 * static_cast<size_t>(radius));
  for (int line = 0; line < lines; ++line) {
    float* begin = values.data() + static_cast<size_t>(line) * line_stride;
    int sample = -radius;
    for (double& value : padded) value = begin[static_cast<size_t>(Reflect(sample++, length)) * stride];
    for (int i = 0; i < length; ++i) {
      double sum = 0;
      for (size_t k = 0; k < kernel.size(); ++k) sum += kernel[k] * padded[static_cast<size_t>(i) + k];
      begin[static_cast<size_t>(i) * stride] = static_cast<float>(sum);
    }
  }
}

// Calls `take` with every pixel of the resized map, row by row.
template <typename Take>
void ForEachResized(const PixelMap& map, int width, int height, Take take) {
  const std::vector<Tap> columns = LinearTaps(map.width, width);
  const std::vector<Tap> rows = LinearTaps(map.height, height);
  const auto stride = static_cast<size_t>(map.width);
  for (const Tap& row : rows) {
    const float* top = map.values.data() + row.low * stride;
    const float* bottom = map.values.data() + row.high * stride;
    for (const Tap& column : columns) {
      const float upper = top[column.low] + column.weight * (top[column.high] - top[column.low]);
      const float lower = bottom[column.low] + column.weight * (bottom[column.high] - bottom[column.low]);
      take(upper + row.weight * (lower - upper));
    }
  }
}

}  // namespace

PixelMap ResizeMap(const PixelMap& map, int width, int height) {
  if (map.width == width && map.height == height) return map;
  PixelMap result{width, height, std::vector<float>(static_cast<size_t>(width) * static_cast<size_t>(height))};
  float* out = result.values.data();
  ForEachResized(map, width, height, [&out](float value) { *out++ = value; });
  return result;
}

uint64_t CountResizedAtLeast(const PixelMap& map, int width, int height, float threshold) {
  uint64_t count = 0;
  const auto add = [&count, threshold](float value) { count += value >= threshold ? 1 : 0; };
  if (map.width == width && map.height == height) {
    for (const float value : map.values) add(value);
  } else {
    ForEachResized(map, width, height, add);
  }
  return count;
}

PixelMap SmoothMap(const PixelMap& map, double sigma) {
  PixelMap result = map;
  if (sigma <= 0) return result;
  const std::vector<double> kernel = GaussianKernel(sigma);
  const auto stride = static_cast<size_t>(map.width);
  SmoothAxis(kernel, map.height, stride, map.width, 1, result.values);
  SmoothAxis(kernel, map.width, 1, map.height, stride, result.values);
  return result;
}

float HottestMean(const PixelMap& map, double fraction) {
  // A NaN has no order: the selection below could leave the map.
  const bool ordered =
      std::none_of(map.values.begin(), map.values.end(), [](float value) { return std::isnan(value); });
  if (!ordered) return std::numeric_limits<float>::quiet_NaN();
  const auto wanted = std::llround(fraction * static_cast<double>(map.values.size()));
  const auto count = static_cast<ptrdiff_t>(std::max<long long>(1, wanted));
  std::vector<float> values = map.values;
  std::nth_element(values.begin(), values.begin() + (count - 1), values.end(), std::greater<>());
  double sum = 0;
  for (ptrdiff_t i = 0; i < count; ++i) sum += values[static_cast<size_t>(i)];
  return static_cast<float>(sum / static_cast<double>(count));
}

}  // namespace bayespfl
