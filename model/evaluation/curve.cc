#include "model/evaluation/curve.h"

#include <cmath>
#include <utility>

namespace bayespfl {
namespace {

// A curve inside the unit square that never turns back is at most 2 long: with this step about half the room is used.
constexpr double kFirstStep = 2.0 / (CurveThinner::kMaxPoints / 2);

}  // namespace

double CurveThinner::Distance(CurvePoint a, CurvePoint b) { return std::abs(a.x - b.x) + std::abs(a.y - b.y); }

void CurveThinner::Keep(CurvePoint point) {
  while (points_.size() == kMaxPoints) {
    step_ = step_ == 0 ? kFirstStep : 2 * step_;
    std::vector<CurvePoint> kept;
    for (const CurvePoint& earlier : points_) {
      if (kept.empty() || Distance(kept.back(), earlier) >= step_) kept.push_back(earlier);
    }
    points_ = std::move(kept);
    if (Distance(points_.back(), point) < step_) return;
  }
  points_.push_back(point);
}

std::vector<CurvePoint> CurveThinner::Finish() {
  if (!points_.empty() && Distance(points_.back(), last_) > 0) {
    if (points_.size() == kMaxPoints) points_.pop_back();
    points_.push_back(last_);
  }
  return std::move(points_);
}

}  // namespace bayespfl
