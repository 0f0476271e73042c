#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/detection/pixel_map.h"
#include "model/kernels/instruction_set.h"
#include "model/kernels/weighted_rows.h"

namespace bayespfl {
namespace {

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

// One row of the result after the other, both axes at once: the vertical one is a sum of rows of the map, the
// horizontal one a sum of that row with itself, shifted.
class Smoother {
 public:
  Smoother(const PixelMap& map, double sigma)
      : map_(map),
        kernel_(GaussianKernel(sigma)),
        radius_(static_cast<int>(kernel_.size() / 2)),
        instructions_(InstructionSets().back()),
        padded_(static_cast<size_t>(map.width) + kernel_.size() - 1),
        rows_(kernel_.size()),
        shifted_(kernel_.size()) {
    for (size_t k = 0; k < shifted_.size(); ++k) shifted_[k] = padded_.data() + k;
  }
  Smoother(const Smoother&) = delete;
  Smoother& operator=(const Smoother&) = delete;

  void SmoothRow(int y, float* to) {
    for (int k = 0; k < static_cast<int>(rows_.size()); ++k) {
      const auto row = static_cast<size_t>(Reflect(y + k - radius_, map_.height));
      rows_[static_cast<size_t>(k)] = map_.values.data() + row * static_cast<size_t>(map_.width);
    }
    float* const own = padded_.data() + radius_;
    AddWeighted(rows_, own);
    for (int i = 1; i <= radius_; ++i) {
      own[-i] = own[Reflect(-i, map_.width)];
      own[map_.width - 1 + i] = own[Reflect(map_.width - 1 + i, map_.width)];
    }
    AddWeighted(shifted_, to);
  }

 private:
  void AddWeighted(const std::vector<const float*>& rows, float* to) const {
    AddWeightedRows(instructions_,
                    {.count = static_cast<int64_t>(rows.size()),
                     .width = map_.width,
                     .weights = kernel_.data(),
                     .rows = rows.data()},
                    to);
  }

  const PixelMap& map_;
  const std::vector<double> kernel_;
  const int radius_;
  const InstructionSet instructions_;
  std::vector<float> padded_;  // a row after the vertical axis, reflected on both sides
  std::vector<const float*> rows_;
  std::vector<const float*> shifted_;
};

}  // namespace

PixelMap SmoothMap(const PixelMap& map, double sigma) {
  if (sigma <= 0) return map;
  PixelMap result{map.width, map.height, std::vector<float>(map.values.size())};
  Smoother smoother(map, sigma);
  for (int y = 0; y < map.height; ++y) {
    smoother.SmoothRow(y, result.values.data() + static_cast<size_t>(y) * static_cast<size_t>(map.width));
  }
  return result;
}

}  // namespace bayespfl
