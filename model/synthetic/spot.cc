#include "model/synthetic/spot.h"

#include <algorithm>
#include <cmath>

#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

constexpr int kTries = 200;
constexpr float kStep = 0.7F;     // pixels between the places of a path
constexpr double kMargin = 0.06;  // of the picture's sides, where no defect begins

int DrawWithin(int side, Draws& draws) {
  return static_cast<int>(draws.Uniform(kMargin, 1 - kMargin) * static_cast<double>(side));
}

}  // namespace

Place DrawPlace(const Part& part, Draws& draws) {
  for (int i = 0; i < kTries; ++i) {
    const int x = DrawWithin(part.columns(), draws);
    const int y = DrawWithin(part.rows(), draws);
    if (part.coverage.at(x, y) > 0.99F) return {static_cast<float>(x), static_cast<float>(y)};
  }
  return {static_cast<float>(part.columns()) / 2, static_cast<float>(part.rows()) / 2};
}

Place DrawEdgePlace(const Part& part, Draws& draws) {
  if (!part.object) return DrawPlace(part, draws);
  // From the part along a ray until it ends.
  for (int i = 0; i < kTries; ++i) {
    Place place = DrawPlace(part, draws);
    const double direction = DrawAngle(draws);
    const auto dx = static_cast<float>(std::cos(direction));
    const auto dy = static_cast<float>(std::sin(direction));
    while (part.coverage.Sample(place.x, place.y) > 0.5F && place.x > 0 && place.y > 0 &&
           place.x < static_cast<float>(part.columns()) && place.y < static_cast<float>(part.rows())) {
      place.x += dx;
      place.y += dy;
    }
    if (part.coverage.Sample(place.x, place.y) <= 0.5F) return place;
  }
  return DrawPlace(part, draws);
}

Blob::Blob(Place place, float area, float longest, float wobble, Draws& draws)
    : noise_(draws),
      radius_(std::sqrt(area / kPi)),
      stretch_(std::sqrt(static_cast<float>(draws.Uniform(1, longest)))),
      wobble_(wobble * static_cast<float>(draws.Uniform(0.3, 1))),
      octaves_(static_cast<int>(draws.Between(1, 3))) {
  plane_.centre_x = place.x;
  plane_.centre_y = place.y;
  plane_.Turn(DrawAngle(draws));
}

float Blob::Inside(int x, int y) const {
  const Point p = plane_.Of(x, y);
  const float distance = std::hypot(p.u / stretch_, p.v * stretch_);
  const float scale = 1.3F / radius_;
  return radius_ * (1 + wobble_ * noise_.Rough(p.u * scale, p.v * scale, octaves_)) - distance;
}

float Blob::Depth(int x, int y) const { return std::clamp(Inside(x, y) / radius_, 0.0F, 1.0F); }

Path DrawPath(Place from, double direction, const PathShape& shape, Draws& draws) {
  Path path;
  const double bend = shape.curvature * draws.Normal();
  const int steps = static_cast<int>(std::ceil(shape.length / kStep));
  for (int step = 0; step < steps; ++step) {
    path.push_back(from);
    direction += kStep * (bend + shape.jitter * draws.Normal());
    from.x += kStep * static_cast<float>(std::cos(direction));
    from.y += kStep * static_cast<float>(std::sin(direction));
  }
  return path;
}

void NoteDistance(const Path& path, float reach, Field& distance) {
  for (const Place& place : path) {
    const int left = std::max(0, static_cast<int>(place.x - reach));
    const int right = std::min(distance.width - 1, static_cast<int>(place.x + reach + 1));
    const int top = std::max(0, static_cast<int>(place.y - reach));
    const int bottom = std::min(distance.height - 1, static_cast<int>(place.y + reach + 1));
    for (int y = top; y <= bottom; ++y) {
      for (int x = left; x <= right; ++x) {
        const float d = std::hypot(static_cast<float>(x) - place.x, static_cast<float>(y) - place.y);
        distance.at(x, y) = std::min(distance.at(x, y), d);
      }
    }
  }
}

}  // namespace bayespfl::synthetic
