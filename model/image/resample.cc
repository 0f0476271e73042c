#include "model/image/resample.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace bayespfl {
namespace {

// Weights are multiples of 2^-22; a sum of weight * sample then stays below 2^31 for both filters.
constexpr int kPrecisionBits = 22;

// The taps of every output position along one axis.
struct AxisKernel {
  int taps = 0;                  // room per output position; unused places hold weight 0
  std::vector<int> first;        // [out], first input position that contributes
  std::vector<int> count;        // [out], number of contributing input positions
  std::vector<int32_t> weights;  // [out, taps], units of 2^-22
};

double Bilinear(double x) {
  x = std::abs(x);
  return x < 1.0 ? 1.0 - x : 0.0;
}

double Bicubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  if (x < 2.0) return (((x - 5.0) * x + 8.0) * x - 4.0) * a;
  return 0.0;
}

double Evaluate(ResampleFilter filter, double x) {
  return filter == ResampleFilter::kBilinear ? Bilinear(x) : Bicubic(x);
}

AxisKernel MakeKernel(int in, int out, ResampleFilter filter) {
  const double scale = static_cast<double>(in) / out;
  const double widening = std::max(scale, 1.0);
  const double support = (filter == ResampleFilter::kBilinear ? 1.0 : 2.0) * widening;
  AxisKernel kernel;
  kernel.taps = static_cast<int>(std::ceil(support)) * 2 + 1;
  kernel.first.resize(static_cast<size_t>(out));
  kernel.count.resize(static_cast<size_t>(out));
  kernel.weights.assign(static_cast<size_t>(out) * static_cast<size_t>(kernel.taps), 0);
  std::vector<double> weights(static_cast<size_t>(kernel.taps));
  for (int o = 0; o < out; ++o) {
    const double center = (o + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int count = std::min(in, static_cast<int>(center + support + 0.5)) - first;
    double sum = 0.0;
    for (int i = 0; i < count; ++i) {
      weights[static_cast<size_t>(i)] = Evaluate(filter, (i + first - center + 0.5) / widening);
      sum += weights[static_cast<size_t>(i)];
    }
    int32_t* row = kernel.weights.data() + static_cast<size_t>(o) * static_cast<size_t>(kernel.taps);
    for (int i = 0; i < count; ++i) {
      // std::lround rounds half away from zero, as the definition asks.
      row[i] = static_cast<int32_t>(std::lround(weights[static_cast<size_t>(i)] / sum * (1 << kPrecisionBits)));
    }
    kernel.first[static_cast<size_t>(o)] = first;
    kernel.count[static_cast<size_t>(o)] = count;
  }
  return kernel;
}

uint8_t Round8(int32_t sum) {
  return static_cast<uint8_t>(std::clamp((sum + (1 << (kPrecisionBits - 1))) >> kPrecisionBits, 0, 255));
}

// [height, width, channels] -> [height, out_width, channels]
std::vector<uint8_t> ResampleRows(const uint8_t* in, int width, int height, int channels, int out_width,
                                  ResampleFilter filter) {
  const AxisKernel kernel = MakeKernel(width, out_width, filter);
  const auto step = static_cast<size_t>(channels);
  std::vector<uint8_t> out(static_cast<size_t>(height) * static_cast<size_t>(out_width) * step);
  uint8_t* to = out.data();
  for (int y = 0; y < height; ++y) {
    const uint8_t* row = in + static_cast<size_t>(y) * static_cast<size_t>(width) * step;
    for (int o = 0; o < out_width; ++o) {
      const int32_t* weights = kernel.weights.data() + static_cast<size_t>(o) * static_cast<size_t>(kernel.taps);
      const uint8_t* from = row + static_cast<size_t>(kernel.first[static_cast<size_t>(o)]) * step;
      const int count = kernel.count[static_cast<size_t>(o)];
      for (size_t c = 0; c < step; ++c) {
        int32_t sum = 0;
        for (int i = 0; i < count; ++i) sum += weights[i] * from[static_cast<size_t>(i) * step + c];
        *to++ = Round8(sum);
      }
    }
  }
  return out;
}

// [height, row] -> [out_height, row], row = width * channels. Adds whole rows so that the inner loop vectorises.
std::vector<uint8_t> ResampleColumns(const uint8_t* in, size_t row, int height, int out_height, ResampleFilter filter) {
  const AxisKernel kernel = MakeKernel(height, out_height, filter);
  std::vector<uint8_t> out(static_cast<size_t>(out_height) * row);
  std::vector<int32_t> sums(row);
  for (int o = 0; o < out_height; ++o) {
    const int32_t* weights = kernel.weights.data() + static_cast<size_t>(o) * static_cast<size_t>(kernel.taps);
    const uint8_t* from = in + static_cast<size_t>(kernel.first[static_cast<size_t>(o)]) * row;
    std::fill(sums.begin(), sums.end(), 0);
    for (int i = 0; i < kernel.count[static_cast<size_t>(o)]; ++i, from += row) {
      const int32_t weight = weights[i];
      for (size_t x = 0; x < row; ++x) sums[x] += weight * from[x];
    }
    std::transform(sums.begin(), sums.end(), out.begin() + static_cast<ptrdiff_t>(static_cast<size_t>(o) * row),
                   Round8);
  }
  return out;
}

}  // namespace

std::vector<uint8_t> Resample8(absl::Span<const uint8_t> samples, int width, int height, int channels, int out_width,
                               int out_height, ResampleFilter filter) {
  std::vector<uint8_t> result;
  if (out_width == width) {
    result.assign(samples.begin(), samples.end());
  } else {
    result = ResampleRows(samples.data(), width, height, channels, out_width, filter);
  }
  if (out_height == height) return result;
  const size_t row = static_cast<size_t>(out_width) * static_cast<size_t>(channels);
  return ResampleColumns(result.data(), row, height, out_height, filter);
}

RgbImage ResizeBicubic(const RgbImage& image, int out_width, int out_height) {
  RgbImage resized{out_width, out_height, {}};
  resized.pixels =
      Resample8(image.pixels, image.width, image.height, 3, out_width, out_height, ResampleFilter::kBicubic);
  return resized;
}

}  // namespace bayespfl
