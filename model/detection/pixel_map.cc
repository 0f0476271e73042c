#include "model/detection/pixel_map.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <utility>
#include <vector>

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

uint64_t CountAtLeast(const std::vector<float>& values, float threshold) {
  uint64_t count = 0;
  for (const float value : values) count += value >= threshold ? 1 : 0;
  return count;
}

// Makes the rows of a resized map, one after the other from the top. A row of the given map is stretched once, for as
// long as the rows of the result lie beside it.
class RowResizer {
 public:
  RowResizer(const PixelMap& map, int width, int height)
      : map_(map),
        columns_(LinearTaps(map.width, width)),
        rows_(LinearTaps(map.height, height)),
        upper_(columns_.size()),
        lower_(columns_.size()) {}

  // Row `y`, into `to`. Any order gives the same values.
  void MakeRow(int y, float* to) {
    const Tap& row = rows_[static_cast<size_t>(y)];
    Stretch(row);
    const float* const upper = upper_.data();
    const float* const lower = lower_.data();
    for (size_t x = 0; x < columns_.size(); ++x) to[x] = upper[x] + row.weight * (lower[x] - upper[x]);
  }

 private:
  static constexpr size_t kNone = std::numeric_limits<size_t>::max();

  void Stretch(const Tap& row) {
    if (row.low == low_) return;
    if (row.low == high_) {
      std::swap(upper_, lower_);
    } else {
      StretchRow(row.low, upper_);
    }
    StretchRow(row.high, lower_);
    low_ = row.low;
    high_ = row.high;
  }

  void StretchRow(size_t row, std::vector<float>& to) const {
    const float* const from = map_.values.data() + row * static_cast<size_t>(map_.width);
    for (size_t x = 0; x < columns_.size(); ++x) {
      const Tap& column = columns_[x];
      to[x] = from[column.low] + column.weight * (from[column.high] - from[column.low]);
    }
  }

  const PixelMap& map_;
  const std::vector<Tap> columns_;
  const std::vector<Tap> rows_;
  size_t low_ = kNone;   // the row that `upper_` holds
  size_t high_ = kNone;  // the row that `lower_` holds
  std::vector<float> upper_;
  std::vector<float> lower_;
};

}  // namespace

PixelMap ResizeMap(const PixelMap& map, int width, int height) {
  if (map.width == width && map.height == height) return map;
  PixelMap result{width, height, std::vector<float>(static_cast<size_t>(width) * static_cast<size_t>(height))};
  RowResizer resizer(map, width, height);
  for (int y = 0; y < height; ++y) {
    resizer.MakeRow(y, result.values.data() + static_cast<size_t>(y) * static_cast<size_t>(width));
  }
  return result;
}

uint64_t CountResizedAtLeast(const PixelMap& map, int width, int height, float threshold) {
  if (map.width == width && map.height == height) return CountAtLeast(map.values, threshold);
  RowResizer resizer(map, width, height);
  std::vector<float> row(static_cast<size_t>(width));
  uint64_t count = 0;
  for (int y = 0; y < height; ++y) {
    resizer.MakeRow(y, row.data());
    count += CountAtLeast(row, threshold);
  }
  return count;
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
