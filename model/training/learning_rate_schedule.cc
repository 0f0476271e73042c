#include "model/training/learning_rate_schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace bayespfl {

double LearningRateFactor(int64_t finished, int64_t total) {
  const auto warm_up = static_cast<int64_t>(0.1 * static_cast<double>(total));
  if (finished < warm_up) return static_cast<double>(finished) / static_cast<double>(warm_up);
  const double progress = static_cast<double>(finished - warm_up) / static_cast<double>(total - warm_up);
  return std::max(0.0, 0.5 * (1.0 + std::cos(std::numbers::pi * progress)));
}

}  // namespace bayespfl
