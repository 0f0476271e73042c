#include "model/synthetic/defects.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "model/synthetic/noise.h"
#include "model/synthetic/plane.h"
#include "model/synthetic/real.h"
#include "model/synthetic/spot.h"

namespace bayespfl::synthetic {
namespace {

float ShorterSide(const Part& part) { return static_cast<float>(std::min(part.columns(), part.rows())); }

// Share of a pixel that lies inside an outline which is `inside` pixels away.
float Covered(float inside) { return std::clamp(inside + 0.5F, 0.0F, 1.0F); }

// A factor that darkens, or brightens where that is as likely.
float DrawTone(Draws& draws) { return draws.Chance(0.6) ? Real(0.25, 0.65, draws) : Real(1.4, 2.0, draws); }

Colour DrawDirt(Draws& draws) {
  const double kind = draws.Uniform();
  if (kind < 0.35) return DrawGray(0.03F, 0.15F, draws);
  if (kind < 0.6) return DrawGray(0.75F, 0.95F, draws);
  if (kind < 0.8) return {Real(0.3, 0.5, draws), Real(0.18, 0.3, draws), Real(0.05, 0.15, draws)};  // rust, glue
  return DrawPlastic(draws);
}

// Only where the part is.
Field OnPart(Field footprint, const Part& part) {
  ForEach(footprint, [&](int x, int y, float& value) { value *= part.coverage.at(x, y); });
  return footprint;
}

// ------------------------------------------------------------------------------------------------ along lines

Field MakeScratch(float area, Draws& draws, Part& part) {
  const int count = static_cast<int>(draws.Between(1, 4));
  const float length = ShorterSide(part) * Real(0.3, 0.9, draws);
  const float width = std::clamp(area / (static_cast<float>(count) * length), 2.0F, 12.0F);
  const double direction = DrawAngle(draws);
  Field distance(part.columns(), part.rows(), 99);
  for (int i = 0; i < count; ++i) {
    const PathShape shape{.length = length, .curvature = 0.004F, .jitter = 0.02F};
    const Place from = DrawPlace(part, draws);
    const double turn = 0.2 * draws.Normal();
    NoteDistance(DrawPath(from, direction + turn, shape, draws), width + 2, distance);
  }
  const float depth = Real(0.6, 2.5, draws);
  const float tone = DrawTone(draws);
  const Noise rough(draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float ragged = 0.25F * width * rough.Smooth(static_cast<float>(x) / 4, static_cast<float>(y) / 4);
    value = Covered(width / 2 + ragged - distance.at(x, y));
    const float on_part = value * part.coverage.at(x, y);
    part.height.at(x, y) -= on_part * depth;
    part.Shade(x, y, Mix(1, tone * (1 + 0.2F * rough.Smooth(static_cast<float>(x), static_cast<float>(y))), on_part));
  });
  return OnPart(std::move(footprint), part);
}

Field MakeCrack(float area, Draws& draws, Part& part) {
  // Wider where it is long, or its branches would fill the place.
  const float width = std::clamp(std::sqrt(area) * Real(0.06, 0.13, draws), 2.0F, 7.0F);
  const float total = area / width;
  const Place from = DrawPlace(part, draws);
  const double direction = DrawAngle(draws);
  Field distance(part.columns(), part.rows(), 99);
  const PathShape shape{.length = std::min(total / 2, ShorterSide(part) * 0.9F), .curvature = 0.005F, .jitter = 0.16F};
  const Path trunk = DrawPath(from, direction, shape, draws);
  NoteDistance(trunk, width + 2, distance);
  float rest = total - shape.length;
  while (rest > 8) {  // branches
    const Place at = trunk[static_cast<size_t>(draws.Below(static_cast<int64_t>(trunk.size())))];
    const PathShape branch{.length = std::min(rest, shape.length * Real(0.2, 0.7, draws)), .jitter = 0.16F};
    const double side = draws.Chance(0.5) ? 1 : -1;
    const double turn = draws.Uniform(0.4, 1.1);
    NoteDistance(DrawPath(at, direction + side * turn, branch, draws), width + 2, distance);
    rest -= std::max(branch.length, 4.0F);
  }
  const float darkness = Real(0.1, 0.4, draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    value = Covered(width / 2 - distance.at(x, y));
    const float on_part = value * part.coverage.at(x, y);
    part.height.at(x, y) -= 2 * on_part;
    part.Shade(x, y, Mix(1, darkness, on_part));
    part.gloss.at(x, y) *= 1 - on_part;
  });
  return OnPart(std::move(footprint), part);
}

// A hair, a thread or a chip that lies on the part, and perhaps beyond it.
Field MakeFibre(float area, Draws& draws, Part& part) {
  const float width = std::clamp(std::sqrt(area) * Real(0.07, 0.18, draws), 2.5F, 9.0F);
  Field distance(part.columns(), part.rows(), 99);
  const PathShape shape{.length = area / width, .curvature = 0.008F, .jitter = 0.05F};
  const Place middle = DrawPlace(part, draws);
  const double direction = DrawAngle(draws);
  const PathShape half{.length = shape.length / 2, .curvature = shape.curvature, .jitter = shape.jitter};
  NoteDistance(DrawPath(middle, direction, half, draws), width + 2, distance);
  NoteDistance(DrawPath(middle, direction + 3.14, half, draws), width + 2, distance);
  const Colour colour = DrawDirt(draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = width / 2 - distance.at(x, y);
    value = Covered(inside);
    part.height.at(x, y) += value * std::sqrt(std::max(0.0F, inside * width));
    part.Paint(x, y, colour, value);
    part.gloss.at(x, y) *= 1 - 0.7F * value;
  });
  return footprint;
}

// ------------------------------------------------------------------------------------------------ patches

Field MakeSpots(float area, Draws& draws, Part& part) {
  const int count = static_cast<int>(draws.Between(3, 14));
  const Place middle = DrawPlace(part, draws);
  const float spread = ShorterSide(part) * Real(0.08, 0.3, draws);
  const float tone = DrawTone(draws);
  const float height = Real(-2, 2, draws);
  Field footprint(part.columns(), part.rows());
  for (int i = 0; i < count; ++i) {
    const Place place{middle.x + spread * static_cast<float>(draws.Normal()),
                      middle.y + spread * static_cast<float>(draws.Normal())};
    const Blob blob(place, area / static_cast<float>(count) * Real(0.5, 1.6, draws), 1.6F, 0.25F, draws);
    ForEach(footprint, [&](int x, int y, float& value) { value = std::max(value, Covered(blob.Inside(x, y))); });
  }
  footprint = OnPart(std::move(footprint), part);
  ForEach(footprint, [&](int x, int y, float value) {
    part.height.at(x, y) += height * value;
    part.Shade(x, y, Mix(1, tone, value));
  });
  return footprint;
}

Field MakeHole(float area, Draws& draws, Part& part) {
  const Blob blob(DrawPlace(part, draws), area, 1.8F, 0.3F, draws);
  const float darkness = Real(0.05, 0.3, draws);
  const float depth = Real(3, 8, draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = blob.Inside(x, y);
    value = Covered(inside) * part.coverage.at(x, y);
    part.height.at(x, y) -= part.coverage.at(x, y) * depth * SmoothStep(-1, 3, inside);
    part.Shade(x, y, Mix(1, darkness, value));
    part.gloss.at(x, y) *= 1 - value;
  });
  return footprint;
}

// Liquid, oil, rust, burns: a soft patch of another colour.
Field MakeStain(float area, Draws& draws, Part& part) {
  const Blob blob(DrawPlace(part, draws), area * 1.15F, 2.5F, 0.6F, draws);
  const Noise clouds(draws);
  const float soft = blob.radius() * Real(0.08, 0.4, draws);
  const float tone = draws.Chance(0.7) ? Real(0.4, 0.75, draws) : Real(1.3, 1.8, draws);
  const Colour colour = DrawDirt(draws);
  const float tint = draws.Chance(0.5) ? Real(0.2, 0.6, draws) : 0;
  const float rim = draws.Chance(0.4) ? Real(0.2, 0.5, draws) : 0;  // dried liquid is darker at its edge
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = blob.Inside(x, y);
    const float patch = SmoothStep(-soft, soft, inside);
    value = patch * part.coverage.at(x, y);
    const float cloud = 0.8F + 0.3F * clouds.Rough(static_cast<float>(x) / 12, static_cast<float>(y) / 12, 3);
    const float edge = rim * patch * (1 - SmoothStep(0, 2 * soft + 3, inside));
    part.Paint(x, y, colour, value * tint * cloud);
    part.Shade(x, y, Mix(1, tone, value * cloud) * (1 - edge));
    part.gloss.at(x, y) = Mix(part.gloss.at(x, y), 0.3F, 0.5F * value);
  });
  return footprint;
}

// A piece that has broken off: of an object at its outline, of a surface its upper layer.
Field MakeMissing(float area, Draws& draws, Part& part) {
  const Place place = DrawEdgePlace(part, draws);
  const Blob blob(place, part.object ? 2 * area : area, 2.2F, 0.35F, draws);
  const Noise rough(draws);
  const float depth = Real(2, 5, draws);
  const float tone = DrawTone(draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = blob.Inside(x, y);
    value = Covered(inside) * part.coverage.at(x, y);
    const float grain = rough.Rough(static_cast<float>(x) / 5, static_cast<float>(y) / 5, 3);
    if (part.object) {
      part.height.at(x, y) *= 1 - Covered(inside + 1);
      const float open = Covered(inside);
      for (size_t c = 0; c < 3; ++c) {
        part.colour.at(c).at(x, y) = Mix(part.colour.at(c).at(x, y), part.background[c].at(x, y), open);
      }
      part.coverage.at(x, y) *= 1 - open;
      part.gloss.at(x, y) *= 1 - open;
    } else {
      part.height.at(x, y) = Mix(part.height.at(x, y), 1.5F * grain - depth, value);
      part.Shade(x, y, Mix(1, tone * (1 + 0.2F * grain), value));
      part.gloss.at(x, y) *= 1 - value;
    }
  });
  return footprint;
}

Field MakeDent(float area, Draws& draws, Part& part) {
  const Blob blob(DrawPlace(part, draws), area, 2, 0.12F, draws);
  const float side = draws.Chance(0.75) ? 1.0F : -1.0F;  // or a bump
  const float depth = side * blob.radius() * Real(0.35, 0.9, draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = blob.Inside(x, y);
    value = Covered(inside) * part.coverage.at(x, y);
    part.height.at(x, y) -= part.coverage.at(x, y) * depth * SmoothStep(0, 1, blob.Depth(x, y));
  });
  return footprint;
}

// Something that does not belong there: a crumb, glue, foil. It may lie beyond the part.
Field MakeContamination(float area, Draws& draws, Part& part) {
  const Blob blob(DrawPlace(part, draws), area, 2, 0.5F, draws);
  const Noise rough(draws);
  const Colour colour = DrawDirt(draws);
  const float thickness = Real(2, 7, draws);
  const float grain = Real(0.05, 0.4, draws);
  const auto gloss = draws.Chance(0.3) ? Real(0.3, 0.8, draws) : 0;
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const float inside = blob.Inside(x, y);
    value = Covered(inside);
    const float noise = rough.Rough(static_cast<float>(x) / 6, static_cast<float>(y) / 6, 3);
    part.height.at(x, y) += value * (thickness * std::sqrt(blob.Depth(x, y)) + 2 * grain * noise);
    part.Paint(x, y, Scaled(colour, 1 + grain * noise), value);
    part.gloss.at(x, y) = Mix(part.gloss.at(x, y), gloss, value);
  });
  return footprint;
}

// A rubbed patch: strokes of one direction over what was there.
Field MakeAbrasion(float area, Draws& draws, Part& part) {
  const Blob blob(DrawPlace(part, draws), area, 3, 0.4F, draws);
  const Noise strokes(draws);
  Plane plane;
  plane.Turn(DrawAngle(draws));
  const float tone = DrawTone(draws);
  const float relief = Real(0.8, 2.5, draws);
  Field footprint(part.columns(), part.rows());
  ForEach(footprint, [&](int x, int y, float& value) {
    const Point p = plane.Of(x, y);
    const float stroke = strokes.Rough(p.u / 22, p.v / 2.2F, 2);
    value = SmoothStep(-1.5F, 1.5F, blob.Inside(x, y)) * part.coverage.at(x, y);
    const float worn = value * std::clamp(0.65F + stroke, 0.0F, 1.0F);
    part.height.at(x, y) = Mix(part.height.at(x, y), part.height.at(x, y) * 0.3F + relief * stroke, worn);
    part.Shade(x, y, Mix(1, tone, worn));
    part.gloss.at(x, y) *= 1 - worn;
  });
  return footprint;
}

// ------------------------------------------------------------------------------------------------ moved

// The part pushed aside about a place: bent, kinked, misprinted, a thread pulled. In a texture without a pattern nobody
// could tell.
Field MakeBend(float area, Draws& draws, Part& part) {
  Field footprint(part.columns(), part.rows());
  if (!part.object && !part.regular) return footprint;
  const Place place = DrawEdgePlace(part, draws);
  const Blob region(place, area * (part.object ? 2.6F : 1.3F), 1.5F, 0.05F, draws);
  const double direction = DrawAngle(draws);
  const float push = region.radius() * Real(0.25, 0.5, draws);
  const auto dx = push * static_cast<float>(std::cos(direction));
  const auto dy = push * static_cast<float>(std::sin(direction));
  const Part before = part;
  ForEach(footprint, [&](int x, int y, float& value) {
    const float share = SmoothStep(0, 0.8F, region.Depth(x, y));
    if (share == 0) return;
    const float from_x = static_cast<float>(x) - dx * share;
    const float from_y = static_cast<float>(y) - dy * share;
    part.height.at(x, y) = before.height.Sample(from_x, from_y);
    part.coverage.at(x, y) = before.coverage.Sample(from_x, from_y);
    part.gloss.at(x, y) = before.gloss.Sample(from_x, from_y);
    for (size_t c = 0; c < 3; ++c) part.colour.at(c).at(x, y) = before.colour.at(c).Sample(from_x, from_y);
    value = SmoothStep(0.1F, 0.2F, share) * std::max(part.coverage.at(x, y), before.coverage.at(x, y));
  });
  return footprint;
}

constexpr std::array<Defect, 11> kDefects = {{
    {"scratch", MakeScratch},
    {"crack", MakeCrack},
    {"fibre", MakeFibre},
    {"spots", MakeSpots},
    {"hole", MakeHole},
    {"stain", MakeStain},
    {"missing", MakeMissing},
    {"dent", MakeDent},
    {"contamination", MakeContamination},
    {"abrasion", MakeAbrasion},
    {"bend", MakeBend, /*moves=*/true},
}};

}  // namespace

absl::Span<const Defect> Defects() { return kDefects; }

const Defect* FindDefect(absl::string_view name) {
  const auto* const found =
      std::find_if(kDefects.begin(), kDefects.end(), [&](const Defect& defect) { return defect.name == name; });
  return found == kDefects.end() ? nullptr : found;
}

}  // namespace bayespfl::synthetic
