#include "model/synthetic/body.h"

#include <algorithm>
#include <cmath>

#include "model/synthetic/noise.h"
#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

// 0 at the outline, 1 from `bevel` pixels inside on.
float Rise(float inside, const Body& body) {
  switch (body.edge) {
    case Edge::kSharp:
      return std::clamp(inside / 1.5F, 0.0F, 1.0F);
    case Edge::kChamfer:
      return std::clamp(inside / body.bevel, 0.0F, 1.0F);
    case Edge::kRound:
      break;
  }
  const float rest = 1 - std::clamp(inside / body.bevel, 0.0F, 1.0F);
  return std::sqrt(std::max(0.0F, 1 - rest * rest));
}

// -1..1: the material's texture at (u, v) pixels from the body's centre.
float Texture(const Material& material, const Noise& noise, float u, float v) {
  switch (material.finish) {
    case Material::Finish::kCast:
    case Material::Finish::kRubber:
      return noise.Rough(u / material.scale, v / material.scale, 3);
    case Material::Finish::kBrushed: {
      const float along = material.turn_cosine * u + material.turn_sine * v;
      const float across = material.turn_cosine * v - material.turn_sine * u;
      return noise.Rough(along / 60, across / 1.8F, 2);
    }
    case Material::Finish::kTurned: {
      const float radius = std::sqrt(u * u + v * v);
      return 0.7F * std::sin(2 * kPi * radius / material.scale) + 0.5F * noise.Smooth(radius / 2, 0);
    }
    case Material::Finish::kMoulded:
      break;
  }
  return 0.4F * noise.Smooth(u / 40, v / 40);
}

}  // namespace

float Circle(Point p, float radius) { return std::sqrt(p.u * p.u + p.v * p.v) - radius; }

float Box(Point p, float half_width, float half_height, float corner) {
  const float du = std::abs(p.u) - half_width + corner;
  const float dv = std::abs(p.v) - half_height + corner;
  const float outside_u = std::max(du, 0.0F);
  const float outside_v = std::max(dv, 0.0F);
  return std::sqrt(outside_u * outside_u + outside_v * outside_v) + std::min(std::max(du, dv), 0.0F) - corner;
}

float Polygon(Point p, float inradius, int corners) {
  const float sector = 2 * kPi / static_cast<float>(corners);
  const float angle = std::atan2(p.v, p.u);
  const float from_middle = angle - sector * std::round(angle / sector);
  return std::sqrt(p.u * p.u + p.v * p.v) * std::cos(from_middle) - inradius;
}

float Capsule(Point p, float half_length, float radius) {
  const float beyond = p.u - std::clamp(p.u, -half_length, half_length);
  return std::sqrt(beyond * beyond + p.v * p.v) - radius;
}

float Gear(Point p, float radius, float tooth, int teeth) {
  const float wave = std::sin(static_cast<float>(teeth) * std::atan2(p.v, p.u));
  return std::sqrt(p.u * p.u + p.v * p.v) - radius - tooth * std::tanh(2.5F * wave);
}

Material DrawMaterial(Draws& draws) {
  Material material;
  material.finish = static_cast<Material::Finish>(draws.Below(5));
  const bool metal = material.finish != Material::Finish::kMoulded && material.finish != Material::Finish::kRubber;
  material.colour = metal ? DrawMetal(draws) : DrawPlastic(draws);
  if (material.finish == Material::Finish::kRubber) material.colour = DrawGray(0.05F, 0.25F, draws);
  material.grain = Real(0.03, 0.14, draws);
  material.relief = metal ? Real(0.1, 0.6, draws) : Real(0, 0.4, draws);
  material.gloss = metal ? Real(0.1, 0.6, draws) : Real(0, 0.4, draws);
  material.scale = material.finish == Material::Finish::kTurned ? Real(3, 8, draws) : Real(2, 9, draws);
  const double direction = DrawPartAngle(draws);
  material.turn_cosine = static_cast<float>(std::cos(direction));
  material.turn_sine = static_cast<float>(std::sin(direction));
  return material;
}

void AddBody(const Body& body, const Plane& plane, const Material& material, Draws& draws, Part& part) {
  const Noise noise(draws);
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const Point p = plane.Of(x, y);
      const float inside = -body.outline(p) * plane.scale;  // pixels
      const float covered = std::clamp(inside + 0.5F, 0.0F, 1.0F);
      if (covered == 0) continue;
      const float texture = Texture(material, noise, p.u * plane.scale, p.v * plane.scale);
      part.height.at(x, y) += covered * (body.thickness * Rise(inside, body) + material.relief * texture);
      part.Paint(x, y, Scaled(material.colour, 1 + material.grain * texture), covered);
      part.gloss.at(x, y) = Mix(part.gloss.at(x, y), material.gloss * (1 + 0.3F * texture), covered);
      part.coverage.at(x, y) = std::max(part.coverage.at(x, y), covered);
    }
  }
}

void CutHole(const Outline& hole, const Plane& plane, const Colour& behind, Part& part) {
  constexpr float kRim = 2;  // pixels over which the edge of a hole is rounded
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const float outside = hole(plane.Of(x, y)) * plane.scale;
      const float open = std::clamp(0.5F - outside, 0.0F, 1.0F);
      part.height.at(x, y) *= SmoothStep(-1, kRim, outside);
      part.Paint(x, y, Scaled(behind, 0.6F), open);  // in the part's own shadow
      part.gloss.at(x, y) *= 1 - open;
      part.coverage.at(x, y) *= 1 - open;
    }
  }
}

void AddMarking(Point at, float size, const Plane& plane, Draws& draws, Part& part) {
  constexpr int kColumns = 3;  // of a sign, whose cells are filled or not
  constexpr int kRows = 5;
  constexpr double kFilled = 0.6;
  const int signs = static_cast<int>(draws.Between(3, 8));
  const bool engraved = draws.Chance(0.5);
  const float tone = draws.Chance(0.5) ? Real(0.4, 0.8, draws) : Real(1.2, 1.6, draws);
  const Noise cells(draws);
  const float left = at.u - 0.5F * size * static_cast<float>(signs * (kColumns + 1));
  const float top = at.v - 0.5F * size * kRows;
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const Point p = plane.Of(x, y);
      const int column = static_cast<int>(std::floor((p.u - left) / size));
      const int row = static_cast<int>(std::floor((p.v - top) / size));
      if (column < 0 || column >= signs * (kColumns + 1) || row < 0 || row >= kRows) continue;
      if (column % (kColumns + 1) == kColumns || cells.Cell(column, row) > kFilled) continue;
      const float share = part.coverage.at(x, y);
      if (engraved) part.height.at(x, y) -= share;
      part.Shade(x, y, Mix(1, engraved ? std::sqrt(tone) : tone, share));
    }
  }
}

Colour PaintBackground(Draws& draws, Part& part) {
  const Noise noise(draws);
  const double kind = draws.Uniform();
  const Colour colour = kind < 0.45   ? DrawGray(0.03F, 0.2F, draws)
                        : kind < 0.75 ? DrawGray(0.7F, 0.95F, draws)
                        : kind < 0.9  ? DrawGray(0.25F, 0.6F, draws)
                                      : Scaled(DrawPlastic(draws), 0.8F);
  const float texture = draws.Chance(0.5) ? Real(0.01, 0.03, draws) : Real(0.03, 0.1, draws);
  const float scale = Real(1.5, 8, draws);
  part.object = true;
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const auto u = static_cast<float>(x);
      const auto v = static_cast<float>(y);
      part.coverage.at(x, y) = 0;
      part.Paint(x, y, Scaled(colour, 1 + texture * noise.Rough(u / scale, v / scale, 3)));
    }
  }
  part.background.assign(part.colour.begin(), part.colour.end());
  return colour;
}

}  // namespace bayespfl::synthetic
