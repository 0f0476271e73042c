// Surfaces that fill the picture.
#include <algorithm>
#include <array>
#include <cmath>

#include "model/synthetic/families.h"
#include "model/synthetic/noise.h"
#include "model/synthetic/plane.h"
#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

constexpr float kCoarse = 9;  // pixels of a pattern's period from which on its distortion is seen

Plane DrawPlane(const Part& part, float scale, Draws& draws) {
  Plane plane;
  plane.centre_x = static_cast<float>(part.columns()) * Real(0.3, 0.7, draws);
  plane.centre_y = static_cast<float>(part.rows()) * Real(0.3, 0.7, draws);
  plane.scale = scale;
  plane.Turn(DrawPartAngle(draws));
  return plane;
}

// Calls set(x, y, point of the plane) for every pixel.
template <typename Function>
void ForEachPixel(const Part& part, const Plane& plane, Function&& set) {
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) set(x, y, plane.Of(x, y));
  }
}

// Rough grains on one colour: cast iron, plaster, sprayed paint.
void BuildCast(Draws& draws, Part& part) {
  const Noise bumps(draws);
  const Noise spots(draws);
  const Colour colour = draws.Chance(0.6) ? DrawMetal(draws) : DrawPlastic(draws);
  const Plane plane = DrawPlane(part, Real(3, 14, draws), draws);
  const float relief = Real(0.5, 3, draws);
  const float mottle = Real(0.02, 0.12, draws);
  const auto gloss = Real(0, 0.25, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    part.height.at(x, y) = relief * bumps.Rough(p.u, p.v, 4);
    part.Paint(x, y, Scaled(colour, 1 + mottle * spots.Rough(p.u / 3, p.v / 3, 3)));
    part.gloss.at(x, y) = gloss;
  });
}

// Fine parallel scratches of grinding or rolling.
void BuildBrushed(Draws& draws, Part& part) {
  const Noise lines(draws);
  const Noise bands(draws);
  const Colour colour = DrawMetal(draws);
  const Plane plane = DrawPlane(part, 1, draws);
  const float strength = Real(0.06, 0.22, draws);
  const float length = Real(40, 160, draws);
  const float width = Real(1.2, 3, draws);
  const auto gloss = Real(0.1, 0.5, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float line = lines.Rough(p.u / length, p.v / width, 3);
    const float band = bands.Smooth(p.u / 300, p.v / 40);
    part.height.at(x, y) = 0.3F * line;
    part.Paint(x, y, Scaled(colour, 1 + strength * line + 0.06F * band));
    part.gloss.at(x, y) = gloss * (1 + 0.5F * line);
  });
}

// The arcs that a lathe or a face mill leaves.
void BuildTurned(Draws& draws, Part& part) {
  const Noise wear(draws);
  const Colour colour = DrawMetal(draws);
  Plane plane = DrawPlane(part, 1, draws);
  const auto side = static_cast<float>(std::max(part.columns(), part.rows()));
  plane.centre_x += side * Real(-1.5, 1.5, draws);
  plane.centre_y += side * Real(-1.5, 1.5, draws);
  const float pitch = Real(3, 11, draws);
  const float depth = Real(0.1, 0.5, draws);
  const float strength = Real(0.04, 0.14, draws);
  const auto gloss = Real(0.1, 0.5, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float radius = std::sqrt(p.u * p.u + p.v * p.v);
    const float wobble = wear.Smooth(radius / 23, std::atan2(p.v, p.u) * 5);
    const float groove = std::sin(2 * kPi * (radius + wobble) / pitch);
    part.height.at(x, y) = depth * groove;
    part.Paint(x, y, Scaled(colour, 1 + strength * groove * (0.6F + wobble) + 0.05F * wobble));
    part.gloss.at(x, y) = gloss;
  });
}

// Growth rings, cut along the trunk, with pores.
void BuildWood(Draws& draws, Part& part) {
  const Noise bend(draws);
  const Noise pores(draws);
  const std::array<Colour, 3> kWoods = {{{0.72F, 0.53F, 0.34F}, {0.5F, 0.32F, 0.19F}, {0.8F, 0.68F, 0.5F}}};
  const Colour& wood = kWoods.at(static_cast<size_t>(draws.Below(3)));
  const Colour colour = Scaled(wood, Real(0.8, 1.1, draws));
  const Plane plane = DrawPlane(part, 1, draws);
  const float ring = Real(9, 26, draws);
  const float sway = Real(4, 22, draws);
  const float strength = Real(0.1, 0.3, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float across = p.v + sway * bend.Rough(p.u / 170, p.v / 60, 2);
    const float phase = across / ring - std::floor(across / ring);
    const float late = SmoothStep(0.2F, 0.95F, phase) * SmoothStep(0, 0.05F, 1 - phase);
    const float pore = std::max(0.0F, pores.Smooth(p.u / 22, p.v / 1.6F) - 0.35F);
    part.height.at(x, y) = -1.2F * pore;
    part.Paint(x, y, Scaled(colour, 1 - strength * late - 0.5F * pore + 0.05F * bend.Smooth(p.u / 35, p.v / 4)));
  });
}

// Threads that pass over and under each other.
void BuildWeave(Draws& draws, Part& part) {
  const Noise uneven(draws);
  const Colour warp = draws.Chance(0.5) ? DrawPlastic(draws) : DrawGray(0.3F, 0.8F, draws);
  const Colour weft = draws.Chance(0.5) ? warp : Scaled(warp, Real(0.6, 0.95, draws));
  const Plane plane = DrawPlane(part, Real(5, 14, draws), draws);
  part.regular = plane.scale >= kCoarse;
  const float relief = plane.scale * Real(0.12, 0.3, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float u = p.u + 0.12F * uneven.Smooth(p.u / 5, p.v / 2);
    const float v = p.v + 0.12F * uneven.Smooth(p.u / 2 + 50, p.v / 5);
    const float over = std::sin(kPi * u) * std::sin(kPi * v);  // > 0: the warp lies above
    const float round_u = std::abs(std::sin(kPi * u));
    const float round_v = std::abs(std::sin(kPi * v));
    const float height = over > 0 ? round_u : round_v;
    const float fibre = uneven.Smooth(over > 0 ? u * 7 : u, over > 0 ? v : v * 7);
    part.height.at(x, y) = relief * height;
    part.Paint(x, y, Scaled(over > 0 ? warp : weft, 0.55F + 0.45F * height + 0.1F * fibre));
  });
}

// Wrinkled cells, as of leather or of a crackled varnish.
void BuildLeather(Draws& draws, Part& part) {
  const Noise cells(draws);
  const Noise warp(draws);
  const Colour colour = Scaled(DrawPlastic(draws), 0.7F);
  const Plane plane = DrawPlane(part, Real(6, 16, draws), draws);
  const float relief = plane.scale * Real(0.08, 0.2, draws);
  const auto gloss = Real(0.05, 0.35, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float u = p.u + 0.5F * warp.Smooth(p.u / 2, p.v / 2);
    const float v = p.v + 0.5F * warp.Smooth(p.u / 2 + 31, p.v / 2);
    const Noise::Nearest cell = cells.Cells(u, v);
    const float dome = SmoothStep(0, 0.35F, cell.edge);
    part.height.at(x, y) = relief * dome;
    part.Paint(x, y, Scaled(colour, 0.8F + 0.2F * dome + 0.08F * (cell.id - 0.5F)));
    part.gloss.at(x, y) = gloss * dome;
  });
}

// Grains of several colours: granite, terrazzo, sintered metal.
void BuildGranite(Draws& draws, Part& part) {
  const Noise cells(draws);
  const Noise fine(draws);
  const Colour base = draws.Chance(0.6) ? DrawGray(0.3F, 0.7F, draws) : DrawPlastic(draws);
  const Plane plane = DrawPlane(part, Real(2.5, 9, draws), draws);
  const float spread = Real(0.25, 0.8, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const Noise::Nearest cell = cells.Cells(p.u + 0.4F * fine.Smooth(p.u, p.v), p.v);
    part.Paint(x, y, Scaled(base, 1 + spread * (cell.id - 0.5F) + 0.06F * fine.Smooth(p.u * 3, p.v * 3)));
    part.gloss.at(x, y) = 0.1F;
  });
}

// Tiles or bricks with joints.
void BuildTiles(Draws& draws, Part& part) {
  const Noise mottle(draws);
  const Colour tile = draws.Chance(0.5) ? DrawPlastic(draws) : DrawGray(0.4F, 0.85F, draws);
  const Colour joint = DrawGray(0.2F, 0.7F, draws);
  const Plane plane = DrawPlane(part, Real(34, 80, draws), draws);
  part.regular = plane.scale >= kCoarse;
  const float aspect = Real(0.45, 1, draws);
  const bool bricks = draws.Chance(0.4);
  const float width = Real(0.02, 0.06, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float row = std::floor(p.v / aspect);
    const float u = p.u + (bricks ? 0.5F * row : 0.0F);
    const float du = std::abs(u - std::floor(u) - 0.5F);
    const float dv = std::abs(p.v / aspect - row - 0.5F) * aspect + 0.5F * (1 - aspect);
    const float inside = SmoothStep(0, width, 0.5F - width - std::max(du, dv));
    const float tone = mottle.Cell(static_cast<int>(std::floor(u)), static_cast<int>(row)) - 0.5F;
    part.height.at(x, y) = 3 * inside;
    part.Paint(x, y, Scaled(joint, 1 + 0.1F * mottle.Smooth(p.u * 40, p.v * 40)));
    part.Paint(x, y, Scaled(tile, 1 + 0.1F * tone + 0.05F * mottle.Rough(p.u * 5, p.v * 5, 3)), inside);
    part.gloss.at(x, y) = 0.3F * inside;
  });
}

// Sheet metal with rows of holes.
void BuildPerforated(Draws& draws, Part& part) {
  const Noise grain(draws);
  const Colour metal = DrawMetal(draws);
  const Plane plane = DrawPlane(part, Real(14, 34, draws), draws);
  part.regular = plane.scale >= kCoarse;
  const float radius = Real(0.2, 0.36, draws);
  const bool staggered = draws.Chance(0.6);
  const Colour behind = DrawGray(0.02F, 0.12F, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float row = std::floor(p.v);
    const float u = p.u + (staggered ? 0.5F * row : 0.0F);
    const float du = u - std::floor(u) - 0.5F;
    const float dv = p.v - row - 0.5F;
    const float outside = (std::sqrt(du * du + dv * dv) - radius) * plane.scale;  // pixels
    part.height.at(x, y) = 4 * SmoothStep(-2, 2, outside) + 0.2F * grain.Smooth(p.u * 2, p.v * 9);
    part.Paint(x, y, Scaled(metal, 1 + 0.08F * grain.Rough(p.u, p.v * 9, 2)));
    part.Paint(x, y, behind, 1 - SmoothStep(-1, 1, outside));
    part.gloss.at(x, y) = 0.3F * SmoothStep(-1, 1, outside);
  });
}

// Loose fibres: felt, paper, fibre mats.
void BuildFelt(Draws& draws, Part& part) {
  const Noise turn(draws);
  const Noise fibre(draws);
  const Colour colour = draws.Chance(0.5) ? DrawPlastic(draws) : DrawGray(0.3F, 0.85F, draws);
  const Plane plane = DrawPlane(part, 1, draws);
  const float strength = Real(0.1, 0.35, draws);
  const float width = Real(1.5, 3, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    const float angle = 3 * turn.Smooth(p.u / 25, p.v / 25);
    const float across = p.v * std::cos(angle) - p.u * std::sin(angle);
    const float along = p.u * std::cos(angle) + p.v * std::sin(angle);
    const float thread = fibre.Smooth(along / 14, across / width);
    part.height.at(x, y) = 1.5F * thread;
    part.Paint(x, y, Scaled(colour, 1 + strength * thread + 0.08F * turn.Smooth(p.u / 60, p.v / 60)));
  });
}

// Almost nothing to see: foil, film, glass, painted sheet, with slow waves in its gloss.
void BuildFilm(Draws& draws, Part& part) {
  const Noise waves(draws);
  const Noise dust(draws);
  const Colour colour = draws.Chance(0.6) ? DrawGray(0.25F, 0.85F, draws) : DrawPlastic(draws);
  const Plane plane = DrawPlane(part, Real(50, 160, draws), draws);
  const auto gloss = Real(0.1, 0.6, draws);
  const float relief = Real(0.5, 4, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    part.height.at(x, y) = relief * waves.Rough(p.u, p.v * 2, 2) + 0.1F * dust.Smooth(p.u * 60, p.v * 60);
    part.Paint(x, y, Scaled(colour, 1 + 0.05F * waves.Smooth(p.u / 2, p.v)));
    part.gloss.at(x, y) = gloss;
  });
}

// Corrugations, ribs or rolled seams that run across.
void BuildRibbed(Draws& draws, Part& part) {
  const Noise grain(draws);
  const Colour colour = draws.Chance(0.6) ? DrawMetal(draws) : DrawPlastic(draws);
  const Plane plane = DrawPlane(part, Real(12, 44, draws), draws);
  part.regular = plane.scale >= kCoarse;
  const float relief = plane.scale * Real(0.08, 0.25, draws);
  const float sharpness = Real(0.5, 2.5, draws);
  const auto gloss = Real(0, 0.5, draws);
  ForEachPixel(part, plane, [&](int x, int y, Point p) {
    part.height.at(x, y) = relief * std::tanh(sharpness * std::sin(2 * kPi * p.v));
    part.Paint(x, y, Scaled(colour, 1 + 0.06F * grain.Rough(p.u * 2, p.v * plane.scale / 3, 3)));
    part.gloss.at(x, y) = gloss;
  });
}

constexpr std::array<Family, 12> kSurfaces = {{
    {"cast", false, BuildCast},
    {"brushed_metal", false, BuildBrushed},
    {"turned_metal", false, BuildTurned},
    {"wood", false, BuildWood},
    {"weave", false, BuildWeave},
    {"leather", false, BuildLeather},
    {"granite", false, BuildGranite},
    {"tiles", false, BuildTiles},
    {"perforated_sheet", false, BuildPerforated},
    {"felt", false, BuildFelt},
    {"film", false, BuildFilm},
    {"ribbed_sheet", false, BuildRibbed},
}};

}  // namespace

absl::Span<const Family> SurfaceFamilies() { return kSurfaces; }

}  // namespace bayespfl::synthetic
