// Parts that lie on a background.
#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <vector>

#include "model/synthetic/body.h"
#include "model/synthetic/families.h"
#include "model/synthetic/noise.h"
#include "model/synthetic/plane.h"
#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

constexpr double kMarked = 0.35;  // of parts that may bear signs

// A plane whose unit is `reach` of half the picture's shorter side: outlines of about 1 fill that share of it.
Plane DrawPose(const Part& part, double least, double most, Draws& draws) {
  const auto width = static_cast<float>(part.columns());
  const auto height = static_cast<float>(part.rows());
  Plane plane;
  plane.scale = std::min(width, height) / 2 * Real(least, most, draws);
  plane.centre_x = width * Real(0.46, 0.54, draws);
  plane.centre_y = height * Real(0.46, 0.54, draws);
  plane.Turn(DrawPartAngle(draws));
  return plane;
}

Body DrawBody(Outline outline, const Plane& plane, Draws& draws) {
  Body body{.outline = std::move(outline)};
  body.thickness = Real(3, 12, draws);
  body.bevel = std::max(2.0F, plane.scale * Real(0.02, 0.14, draws));
  body.edge = static_cast<Edge>(draws.Below(3));
  return body;
}

// A flat cylinder, perhaps with a raised or sunken middle.
void BuildDisc(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.7, 0.95, draws);
  const Material material = DrawMaterial(draws);
  AddBody(DrawBody([](Point p) { return Circle(p, 1); }, plane, draws), plane, material, draws, part);
  const float inner = Real(0.3, 0.8, draws);
  if (draws.Chance(0.6)) {
    Body step = DrawBody([inner](Point p) { return Circle(p, inner); }, plane, draws);
    step.thickness *= draws.Chance(0.5) ? -0.6F : 0.6F;
    Material lighter = material;
    lighter.colour = Scaled(material.colour, Real(0.85, 1.15, draws));
    AddBody(step, plane, lighter, draws, part);
  }
  if (draws.Chance(kMarked)) {
    const float at = Real(-0.2, 0.2, draws);
    AddMarking({0, at}, Real(0.02, 0.04, draws), plane, draws, part);
  }
}

// Washers, gaskets, bearings' rings.
void BuildRing(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.75, 0.95, draws);
  const Material material = DrawMaterial(draws);
  const float inner = Real(0.35, 0.75, draws);
  AddBody(DrawBody([](Point p) { return Circle(p, 1); }, plane, draws), plane, material, draws, part);
  CutHole([inner](Point p) { return Circle(p, inner); }, plane, behind, part);
}

// A turned shaft: a cylinder in a few diameters, perhaps with a thread. It may leave the picture at both ends.
void BuildRod(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  Plane plane = DrawPose(part, 1, 1, draws);
  Material material = DrawMaterial(draws);
  const float half_length = draws.Chance(0.5) ? 9.0F : Real(0.75, 1.1, draws);
  const float radius = Real(0.16, 0.42, draws);
  const float step_at = Real(-0.6, 0.6, draws);
  const float step = draws.Chance(0.6) ? Real(0.6, 0.9, draws) : 1.0F;
  const float thread_from = draws.Chance(0.4) ? Real(-0.5, 0.3, draws) : 99.0F;
  const float pitch = Real(0.05, 0.1, draws);
  const Noise noise(draws);
  const float texture = material.grain;
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const Point p = plane.Of(x, y);
      float reach = radius * (p.u > step_at ? step : 1.0F);
      if (p.u > thread_from) reach += 0.02F * std::sin(2 * kPi * p.u / pitch);
      const float inside = std::min(reach - std::abs(p.v), half_length - std::abs(p.u)) * plane.scale;
      const float covered = std::clamp(inside + 0.5F, 0.0F, 1.0F);
      if (covered == 0) continue;
      const float arch = std::sqrt(std::max(0.0F, reach * reach - p.v * p.v)) * plane.scale;
      const float grain = noise.Rough(p.v * plane.scale / 40, p.u * plane.scale / 1.5F, 2);
      part.height.at(x, y) = covered * (0.8F * arch + material.relief * grain);
      part.Paint(x, y, Scaled(material.colour, 1 + texture * grain), covered);
      part.gloss.at(x, y) = covered * material.gloss;
      part.coverage.at(x, y) = covered;
    }
  }
}

// A plate with drilled holes.
void BuildPlate(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.8, 0.95, draws);
  const Material material = DrawMaterial(draws);
  const float half = Real(0.45, 0.95, draws);
  const float corner = Real(0.02, 0.25, draws);
  AddBody(DrawBody([=](Point p) { return Box(p, 0.98F, half, std::min(corner, half)); }, plane, draws), plane, material,
          draws, part);
  if (draws.Chance(kMarked)) AddMarking({0, half / 2}, Real(0.02, 0.04, draws), plane, draws, part);
  const float hole = Real(0.05, 0.14, draws);
  const float inset_u = Real(0.55, 0.8, draws);
  const float inset_v = half * Real(0.5, 0.75, draws);
  CutHole([=](Point p) { return Circle({std::abs(p.u) - inset_u, std::abs(p.v) - inset_v}, hole); }, plane, behind,
          part);
  if (draws.Chance(0.5)) {
    const float middle = half * Real(0.2, 0.5, draws);
    const bool slot = draws.Chance(0.4);
    CutHole([=](Point p) { return slot ? Capsule(p, 0.3F, middle / 2) : Circle(p, middle); }, plane, behind, part);
  }
}

// A rectangular frame or housing.
void BuildFrame(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.8, 0.95, draws);
  const Material material = DrawMaterial(draws);
  const float half = Real(0.55, 0.98, draws);
  const float corner = Real(0.02, 0.3, draws);
  const float bar = Real(0.14, 0.3, draws);
  AddBody(DrawBody([=](Point p) { return Box(p, 0.98F, half, corner); }, plane, draws), plane, material, draws, part);
  const float inner = std::max(0.01F, corner - bar / 2);
  const auto opening = [=](Point p) { return Box(p, 0.98F - bar, half - bar, std::min(inner, half - bar)); };
  if (draws.Chance(0.6)) {
    CutHole(opening, plane, behind, part);
  } else {  // a tray: its floor lies deeper
    Body floor = DrawBody(opening, plane, draws);
    floor.thickness *= -0.8F;
    Material below = material;
    below.colour = Scaled(material.colour, Real(0.6, 0.95, draws));
    AddBody(floor, plane, below, draws, part);
  }
}

// Nuts: a polygon with a threaded hole.
void BuildNut(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.75, 0.95, draws);
  Material material = DrawMaterial(draws);
  const int corners = draws.Chance(0.8) ? 6 : 4;
  const float inradius = corners == 6 ? 0.86F : 0.7F;
  const float bore = Real(0.32, 0.55, draws);
  AddBody(DrawBody([=](Point p) { return Polygon(p, inradius, corners); }, plane, draws), plane, material, draws, part);
  Body collar = DrawBody([=](Point p) { return Circle(p, inradius * 0.94F); }, plane, draws);
  collar.thickness /= 2;
  AddBody(collar, plane, material, draws, part);
  CutHole([=](Point p) { return Circle(p, bore); }, plane, behind, part);
}

// Gears and sprockets.
void BuildGear(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.75, 0.92, draws);
  const Material material = DrawMaterial(draws);
  const int teeth = static_cast<int>(draws.Between(9, 34));
  const float tooth = 1.1F / static_cast<float>(teeth);
  const float bore = Real(0.12, 0.35, draws);
  AddBody(DrawBody([=](Point p) { return Gear(p, 1 - tooth, tooth, teeth); }, plane, draws), plane, material, draws,
          part);
  if (draws.Chance(0.5)) {
    const float hub = bore + Real(0.1, 0.2, draws);
    AddBody(DrawBody([=](Point p) { return Circle(p, hub); }, plane, draws), plane, material, draws, part);
  }
  CutHole([=](Point p) { return Circle(p, bore); }, plane, behind, part);
}

// An angle or a T, stamped of sheet.
void BuildBracket(Draws& draws, Part& part) {
  const Colour behind = PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.8, 0.95, draws);
  const Material material = DrawMaterial(draws);
  const float arm = Real(0.2, 0.36, draws);
  const float joint = draws.Chance(0.5) ? -0.95F + arm : 0.0F;  // L or T
  const float corner = Real(0.01, 0.12, draws);
  const auto outline = [=](Point p) {
    const float along = Box({p.u, p.v - 0.6F}, 0.95F, arm, corner);
    const float down = Box({p.u - joint, p.v + 0.05F}, arm, 0.9F, corner);
    return Either(along, down);
  };
  AddBody(DrawBody(outline, plane, draws), plane, material, draws, part);
  if (draws.Chance(kMarked)) AddMarking({0, 0.6F}, Real(0.02, 0.04, draws), plane, draws, part);
  const float hole = arm * Real(0.3, 0.55, draws);
  CutHole([=](Point p) { return Circle({p.u - joint, p.v + 0.65F}, hole); }, plane, behind, part);
  CutHole([=](Point p) { return Circle({p.u - 0.65F, p.v - 0.6F}, hole); }, plane, behind, part);
}

// Pills and capsules: round all over, in one or two colours.
void BuildCapsule(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.8, 0.95, draws);
  Material material = DrawMaterial(draws);
  material.finish = Material::Finish::kMoulded;
  material.colour = DrawPlastic(draws);
  const float radius = Real(0.28, 0.55, draws);
  Body body{.outline = [=](Point p) { return Capsule(p, 1 - radius, radius); }};
  body.bevel = radius * plane.scale;
  body.thickness = body.bevel * Real(0.5, 0.9, draws);
  body.edge = Edge::kRound;
  AddBody(body, plane, material, draws, part);
  if (!draws.Chance(0.6)) return;
  const Colour second = DrawPlastic(draws);
  const float seam = Real(-0.2, 0.2, draws);
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const float right = (plane.Of(x, y).u - seam) * plane.scale;
      part.Paint(x, y, second, part.coverage.at(x, y) * std::clamp(right + 0.5F, 0.0F, 1.0F));
    }
  }
}

// A board with pads, traces and components on a grid.
void BuildBoard(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.9, 1.05, draws);
  Material board = DrawMaterial(draws);
  board.finish = Material::Finish::kMoulded;
  const std::array<Colour, 4> kBoards = {
      {{0.08F, 0.3F, 0.13F}, {0.07F, 0.16F, 0.38F}, {0.1F, 0.1F, 0.1F}, {0.4F, 0.28F, 0.14F}}};
  board.colour = kBoards.at(static_cast<size_t>(draws.Below(4)));
  const float half = Real(0.6, 0.9, draws);
  AddBody({.outline = [=](Point p) { return Box(p, 0.95F, half, 0.03F); }, .thickness = 3, .bevel = 2}, plane, board,
          draws, part);
  Material pad = board;
  pad.colour = draws.Chance(0.5) ? Colour{0.75F, 0.62F, 0.3F} : Colour{0.7F, 0.7F, 0.7F};
  pad.gloss = 0.5F;
  const int columns = static_cast<int>(draws.Between(5, 9));
  const float pitch = 1.8F / static_cast<float>(columns);
  const float size = pitch * Real(0.15, 0.3, draws);
  const auto on_grid = [=](float value) { return value - pitch * std::round(value / pitch); };
  const auto pads = [=](Point p) {
    return std::max(Circle({on_grid(p.u), on_grid(p.v)}, size), Box(p, 0.88F, half - 0.08F, 0));
  };
  AddBody({.outline = pads, .thickness = 1, .bevel = 1.5F}, plane, pad, draws, part);
  const int chips = static_cast<int>(draws.Between(1, 4));
  for (int i = 0; i < chips; ++i) {
    Material chip = DrawMaterial(draws);
    if (draws.Chance(0.7)) chip.colour = DrawGray(0.05F, 0.2F, draws);
    const Point at{Real(-0.6, 0.6, draws), Real(-0.6, 0.6, draws) * half};
    const float half_u = Real(0.1, 0.28, draws);
    const float half_v = Real(0.08, 0.22, draws);
    AddBody({.outline = [=](Point p) { return Box({p.u - at.u, p.v - at.v}, half_u, half_v, 0.02F); },
             .thickness = 6,
             .bevel = 2},
            plane, chip, draws, part);
    if (draws.Chance(kMarked)) AddMarking(at, half_u / 16, plane, draws, part);
  }
}

// A bundle's cut end: a jacket with round wires in it.
void BuildCable(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  const Plane plane = DrawPose(part, 0.8, 0.95, draws);
  Material jacket = DrawMaterial(draws);
  jacket.colour = DrawGray(0.1F, 0.7F, draws);
  AddBody(DrawBody([](Point p) { return Circle(p, 1); }, plane, draws), plane, jacket, draws, part);
  const int wires = static_cast<int>(draws.Between(3, 6));
  const float ring = 0.5F;
  const float sector = 2 * kPi / static_cast<float>(wires);
  const float radius = std::min(0.36F, 0.92F * ring * std::sin(sector / 2));
  for (int i = 0; i < wires; ++i) {
    const Point at{ring * std::cos(sector * static_cast<float>(i)), ring * std::sin(sector * static_cast<float>(i))};
    Material sleeve = jacket;
    sleeve.colour = DrawPlastic(draws);
    AddBody(DrawBody([=](Point p) { return Circle({p.u - at.u, p.v - at.v}, radius); }, plane, draws), plane, sleeve,
            draws, part);
    Material strands = jacket;
    strands.finish = Material::Finish::kCast;
    strands.colour = {0.75F, 0.5F, 0.33F};
    strands.grain = 0.4F;
    strands.scale = 3;
    strands.gloss = 0.4F;
    AddBody(DrawBody([=](Point p) { return Circle({p.u - at.u, p.v - at.v}, radius * 0.65F); }, plane, draws), plane,
            strands, draws, part);
  }
}

// A vessel or a cap from the side: a shaded cylinder with a neck that fills the picture.
void BuildVessel(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  Plane plane = DrawPose(part, 0.9, 1, draws);
  plane.Turn(static_cast<double>(draws.Below(4)) * std::numbers::pi / 2);
  Material material = DrawMaterial(draws);
  const float belly = Real(0.45, 0.8, draws);
  const float neck = belly * Real(0.4, 0.8, draws);
  const float shoulder = Real(-0.6, -0.2, draws);
  const float slope = Real(0.05, 0.3, draws);
  const bool label = draws.Chance(0.5);
  const Colour paper = DrawPlastic(draws);
  const float label_from = Real(0, 0.2, draws);
  const float label_to = Real(0.5, 0.8, draws);
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const Point p = plane.Of(x, y);
      const float reach = Mix(neck, belly, SmoothStep(shoulder - slope, shoulder + slope, p.u));
      const float inside = std::min(reach - std::abs(p.v), 0.97F - std::abs(p.u)) * plane.scale;
      const float covered = std::clamp(inside + 0.5F, 0.0F, 1.0F);
      if (covered == 0) continue;
      const bool on_label = label && p.u > label_from && p.u < label_to;
      part.height.at(x, y) = covered * 0.7F * std::sqrt(std::max(0.0F, reach * reach - p.v * p.v)) * plane.scale;
      part.Paint(x, y, on_label ? paper : material.colour, covered);
      part.gloss.at(x, y) = covered * (on_label ? 0.05F : material.gloss);
      part.coverage.at(x, y) = covered;
    }
  }
  if (label) {
    AddMarking({(label_from + label_to) / 2, 0}, Real(0.015, 0.03, draws), plane, draws, part);
  }
}

// Several small pieces beside each other: pills, sweets, screws' heads.
void BuildPieces(Draws& draws, Part& part) {
  PaintBackground(draws, part);
  const Plane whole = DrawPose(part, 1, 1, draws);
  const Material material = DrawMaterial(draws);
  const int columns = static_cast<int>(draws.Between(2, 4));
  const int rows = static_cast<int>(draws.Between(2, 3));
  const float pitch = 1.8F / static_cast<float>(std::max(columns, rows));
  const float radius = pitch * Real(0.3, 0.44, draws);
  const float length = draws.Chance(0.5) ? 0.0F : radius * Real(0.2, 0.5, draws);
  const float thickness = radius * whole.scale * Real(0.2, 0.7, draws);
  const bool loose = draws.Chance(0.6);  // poured, not laid
  for (int i = 0; i < columns * rows; ++i) {
    const int column = i % columns;
    const int row = i / columns;
    const float u = pitch * (static_cast<float>(column) - static_cast<float>(columns - 1) / 2);
    const float v = pitch * (static_cast<float>(row) - static_cast<float>(rows - 1) / 2);
    Plane pose = whole;
    pose.centre_x += whole.scale * (whole.cosine * u - whole.sine * v);
    pose.centre_y += whole.scale * (whole.sine * u + whole.cosine * v);
    if (loose) pose.Turn(DrawAngle(draws));
    const float core = radius - length / 2;
    Body body{.outline = [=](Point p) { return Capsule(p, length, core); }};
    body.thickness = thickness;
    body.bevel = core * whole.scale;
    body.edge = Edge::kRound;
    AddBody(body, pose, material, draws, part);
  }
}

constexpr std::array<Family, 13> kObjects = {{
    {"disc", true, BuildDisc},
    {"ring", true, BuildRing},
    {"rod", true, BuildRod},
    {"plate", true, BuildPlate},
    {"frame", true, BuildFrame},
    {"nut", true, BuildNut},
    {"gear", true, BuildGear},
    {"bracket", true, BuildBracket},
    {"capsule", true, BuildCapsule},
    {"board", true, BuildBoard},
    {"cable", true, BuildCable},
    {"vessel", true, BuildVessel},
    {"pieces", true, BuildPieces},
}};

}  // namespace

absl::Span<const Family> ObjectFamilies() { return kObjects; }

}  // namespace bayespfl::synthetic
