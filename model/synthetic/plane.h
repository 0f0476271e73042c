// Coordinates that lie obliquely in the picture.
#ifndef BAYESPFL_MODEL_SYNTHETIC_PLANE_H_
#define BAYESPFL_MODEL_SYNTHETIC_PLANE_H_

#include <cmath>
#include <numbers>

#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

struct Point {
  float u = 0;
  float v = 0;
};

// (u, v) of a pixel: the distance from a centre, turned and divided by a scale.
struct Plane {
  float centre_x = 0;  // pixels
  float centre_y = 0;
  float cosine = 1;
  float sine = 0;
  float scale = 1;  // pixels in a unit

  [[nodiscard]] Point Of(float x, float y) const {
    const float dx = (x - centre_x) / scale;
    const float dy = (y - centre_y) / scale;
    return {cosine * dx + sine * dy, cosine * dy - sine * dx};
  }
  [[nodiscard]] Point Of(int x, int y) const { return Of(static_cast<float>(x), static_cast<float>(y)); }

  void Turn(double radians) {
    cosine = static_cast<float>(std::cos(radians));
    sine = static_cast<float>(std::sin(radians));
  }
};

inline double DrawAngle(Draws& draws) { return draws.Uniform(0, 2 * std::numbers::pi); }

// A direction as parts lie on a belt: along an axis, but for a few degrees, three times out of four; else any.
inline double DrawPartAngle(Draws& draws) {
  if (!draws.Chance(0.75)) return DrawAngle(draws);
  const auto quarters = static_cast<double>(draws.Below(4));
  return quarters * std::numbers::pi / 2 + draws.Uniform(-0.08, 0.08);
}

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_PLANE_H_
