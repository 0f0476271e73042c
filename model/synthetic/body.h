// Bodies on a background: outlines as signed distances, raised, bevelled and given a material.
#ifndef BAYESPFL_MODEL_SYNTHETIC_BODY_H_
#define BAYESPFL_MODEL_SYNTHETIC_BODY_H_

#include <functional>

#include "model/synthetic/part.h"
#include "model/synthetic/plane.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

// Distance of a point from an outline in the plane's units: below 0 inside. Need not be exact far from the outline.
using Outline = std::function<float(Point)>;

// Outlines about the origin.
float Circle(Point p, float radius);
float Box(Point p, float half_width, float half_height, float corner);
float Polygon(Point p, float inradius, int corners);        // regular
float Capsule(Point p, float half_length, float radius);    // along u, round ends
float Gear(Point p, float radius, float tooth, int teeth);  // teeth stand out by `tooth` and as far in
// `outline` without `hole`.
inline float Without(float outline, float hole) { return outline > -hole ? outline : -hole; }
inline float Either(float a, float b) { return a < b ? a : b; }

// How a body's edge falls to the background.
enum class Edge { kSharp, kChamfer, kRound };

// What a body is made of; drawn once, the same all over it.
struct Material {
  enum class Finish { kCast, kBrushed, kTurned, kMoulded, kRubber };
  Finish finish = Finish::kMoulded;
  Colour colour = {};
  float grain = 0;      // strength of its texture, share of the colour
  float relief = 0;     // of its texture, pixels
  float gloss = 0;      // 0..1
  float scale = 1;      // of its texture, pixels
  float turn_sine = 0;  // direction of brushing
  float turn_cosine = 1;
};
Material DrawMaterial(Draws& draws);

struct Body {
  Outline outline = {};
  float thickness = 6;  // pixels above what lies below
  float bevel = 4;      // pixels from the outline to the full thickness
  Edge edge = Edge::kChamfer;
};

// Lays the body onto the part: raises it, covers it with the material. `noise` words of the texture are drawn.
void AddBody(const Body& body, const Plane& plane, const Material& material, Draws& draws, Part& part);

// Takes a hole out of the part, through which the background is seen (its colour as PaintBackground() drew it).
void CutHole(const Outline& hole, const Plane& plane, const Colour& behind, Part& part);

// A line of signs about the point, as parts are marked: printed or engraved, in cells of `size` units of the plane.
// Only where the part is.
void AddMarking(Point at, float size, const Plane& plane, Draws& draws, Part& part);

// Empties the part (nothing covers it) and paints what parts lie on: a belt, a light table, black cloth. Returns its
// colour.
Colour PaintBackground(Draws& draws, Part& part);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_BODY_H_
