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

// One row [width, kChannels] -> [out_width, kChannels]. A number of channels that the compiler knows lets it keep their
// sums in registers and read each weight once for all of them.
template <size_t kChannels>
void ResampleRowOf(const uint8_t* row, const AxisKernel& kernel, uint8_t* to) {
  for (size_t o = 0; o < kernel.first.size(); ++o) {
    const int32_t* weights = kernel.weights.data() + o * static_cast<size_t>(kernel.taps);
    const uint8_t* from = row + static_cast<size_t>(kernel.first[o]) * kChannels;
    const int count = kernel.count[o];
    int32_t sums[kChannels] = {};
    for (int i = 0; i < count; ++i) {
      for (size_t c = 0; c < kChannels; ++c) sums[c] += weights[i] * from[static_cast<size_t>(i) * kChannels + c];
    }
    for (size_t c = 0; c < kChannels; ++c) *to++ = Round8(sums[c]);
  }
}

// One row [width, channels] -> [out_width, channels]
void ResampleRow(const uint8_t* row, size_t channels, const AxisKernel& kernel, uint8_t* to) {
  if (channels == 3) return ResampleRowOf<3>(row, kernel, to);
  for (size_t o = 0; o < kernel.first.size(); ++o) {
    const int32_t* weights = kernel.weights.data() + o * static_cast<size_t>(kernel.taps);
    const uint8_t* from = row + static_cast<size_t>(kernel.first[o]) * channels;
    const int count = kernel.count[o];
    for (size_t c = 0; c < channels; ++c) {
      int32_t sum = 0;
      for (int i = 0; i < count; ++i) sum += weights[i] * from[static_cast<size_t>(i) * channels + c];
      *to++ = Round8(sum);
    }
  }
}

// The rows of a picture at their final width. Rows are made on the way down and only the last ones are kept: all rows
// of a picture one pixel wide and a million high would take 1.6 GB.
class RowsAtWidth {
 public:
  // Keeps `kept` rows.
  RowsAtWidth(const uint8_t* samples, int width, int channels, int out_width, ResampleFilter filter, size_t kept)
      : samples_(samples),
        channels_(static_cast<size_t>(channels)),
        in_row_(static_cast<size_t>(width) * channels_),
        out_row_(static_cast<size_t>(out_width) * channels_),
        kept_(kept) {
    if (out_width == width) return;
    kernel_ = MakeKernel(width, out_width, filter);
    rows_.resize(kept_ * out_row_);
  }

  // Makes the rows before `end` that are not yet made.
  void AdvanceTo(size_t end) {
    if (rows_.empty()) return;
    for (; made_ < end; ++made_) {
      ResampleRow(samples_ + made_ * in_row_, channels_, kernel_, rows_.data() + made_ % kept_ * out_row_);
    }
  }

  // One of the last `kept` rows made.
  [[nodiscard]] const uint8_t* Row(size_t y) const {
    return rows_.empty() ? samples_ + y * in_row_ : rows_.data() + y % kept_ * out_row_;
  }

 private:
  const uint8_t* samples_;
  size_t channels_;
  size_t in_row_;
  size_t out_row_;
  size_t kept_;
  AxisKernel kernel_;
  std::vector<uint8_t> rows_;  // [kept, out_width, channels], row y at y % kept; empty when the width stays
  size_t made_ = 0;
};

}  // namespace

std::vector<uint8_t> Resample8(absl::Span<const uint8_t> samples, int width, int height, int channels, int out_width,
                               int out_height, ResampleFilter filter) {
  const size_t row = static_cast<size_t>(out_width) * static_cast<size_t>(channels);
  std::vector<uint8_t> out(static_cast<size_t>(out_height) * row);
  if (out_height == height) {
    RowsAtWidth rows(samples.data(), width, channels, out_width, filter, 1);
    for (size_t y = 0; y < static_cast<size_t>(height); ++y) {
      rows.AdvanceTo(y + 1);
      std::copy_n(rows.Row(y), row, out.begin() + static_cast<ptrdiff_t>(y * row));
    }
    return out;
  }
  const AxisKernel kernel = MakeKernel(height, out_height, filter);
  const auto most = static_cast<size_t>(*std::max_element(kernel.count.begin(), kernel.count.end()));
  RowsAtWidth rows(samples.data(), width, channels, out_width, filter, most);
  // Adds whole rows so that the inner loop vectorises.
  std::vector<int32_t> sums(row);
  for (size_t o = 0; o < kernel.first.size(); ++o) {
    const int32_t* weights = kernel.weights.data() + o * static_cast<size_t>(kernel.taps);
    const auto first = static_cast<size_t>(kernel.first[o]);
    const auto count = static_cast<size_t>(kernel.count[o]);
    rows.AdvanceTo(first + count);
    std::fill(sums.begin(), sums.end(), 0);
    for (size_t i = 0; i < count; ++i) {
      const int32_t weight = weights[i];
      const uint8_t* from = rows.Row(first + i);
      for (size_t x = 0; x < row; ++x) sums[x] += weight * from[x];
    }
    std::transform(sums.begin(), sums.end(), out.begin() + static_cast<ptrdiff_t>(o * row), Round8);
  }
  return out;
}

RgbImage ResizeBicubic(const RgbImage& image, int out_width, int out_height) {
  RgbImage resized{out_width, out_height, {}};
  resized.pixels =
      Resample8(image.pixels, image.width, image.height, 3, out_width, out_height, ResampleFilter::kBicubic);
  return resized;
}

}  // namespace bayespfl
