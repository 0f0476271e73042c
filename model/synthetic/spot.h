// Where defects lie, and the outlines that they have.
#ifndef BAYESPFL_MODEL_SYNTHETIC_SPOT_H_
#define BAYESPFL_MODEL_SYNTHETIC_SPOT_H_

#include <vector>

#include "model/synthetic/field.h"
#include "model/synthetic/noise.h"
#include "model/synthetic/part.h"
#include "model/synthetic/plane.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

struct Place {
  float x = 0;  // pixels
  float y = 0;
};

// A pixel of the part, away from the picture's border. The middle of the picture where the part is hard to hit.
Place DrawPlace(const Part& part, Draws& draws);
// A pixel at the outline of an object: of a surface as DrawPlace().
Place DrawEdgePlace(const Part& part, Draws& draws);

// An irregular patch. A plain value.
class Blob {
 public:
  // Of about `area` pixels at `place`: an ellipse of random direction and aspect, 1..`longest`, whose radius noise
  // changes by the share `wobble` at most.
  Blob(Place place, float area, float longest, float wobble, Draws& draws);

  // Pixels from the outline to the inside, about; negative outside.
  [[nodiscard]] float Inside(int x, int y) const;
  // 1 at the middle, 0 at the outline and beyond, about.
  [[nodiscard]] float Depth(int x, int y) const;
  [[nodiscard]] float radius() const { return radius_; }  // of the circle of that area, pixels

 private:
  Noise noise_;
  Plane plane_;
  float radius_;
  float stretch_;
  float wobble_;
  int octaves_;
};

// A line of places one pixel apart, or less.
using Path = std::vector<Place>;

struct PathShape {
  float length = 0;     // pixels
  float curvature = 0;  // radians a pixel, on average
  float jitter = 0;     // deviation of the direction's random steps, radians a pixel
};
Path DrawPath(Place from, double direction, const PathShape& shape, Draws& draws);

// Lowers `distance` to the distance from the path, up to `reach` pixels from it.
void NoteDistance(const Path& path, float reach, Field& distance);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_SPOT_H_
