// Curves small enough for a report, whatever the number of thresholds behind them.
#ifndef BAYESPFL_MODEL_EVALUATION_CURVE_H_
#define BAYESPFL_MODEL_EVALUATION_CURVE_H_

#include <cstddef>
#include <vector>

namespace bayespfl {

struct CurvePoint {
  double x = 0;
  double y = 0;
};

// Thins a curve while it is drawn, in constant memory. Up to kMaxPoints points stay as they are; of a longer curve
// those stay that lie at least a step (|dx| + |dy|) from the one kept before, the step growing with the curve's length.
// The first and the last point always stay. Not thread-safe.
class CurveThinner {
 public:
  static constexpr size_t kMaxPoints = 512;

  void Add(CurvePoint point) {
    last_ = point;
    if (!points_.empty() && Distance(points_.back(), point) < step_) return;
    Keep(point);
  }

  // The kept points in their order, at most kMaxPoints. Call once, last.
  std::vector<CurvePoint> Finish();

 private:
  static double Distance(CurvePoint a, CurvePoint b);
  void Keep(CurvePoint point);

  double step_ = 0;
  CurvePoint last_;
  std::vector<CurvePoint> points_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_CURVE_H_
