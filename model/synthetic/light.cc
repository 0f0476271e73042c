#include "model/synthetic/light.h"

#include <algorithm>
#include <cmath>

#include "model/synthetic/plane.h"
#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

using Vector = std::array<float, 3>;

float Dot(const Vector& a, const Vector& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

Vector Unit(const Vector& v) {
  const float length = std::sqrt(Dot(v, v));
  return {v[0] / length, v[1] / length, v[2] / length};
}

// Of the surface, towards the camera's side.
Vector Normal(const Field& height, int x, int y) {
  return Unit(
      {(height.Near(x - 1, y) - height.Near(x + 1, y)) / 2, (height.Near(x, y - 1) - height.Near(x, y + 1)) / 2, 1});
}

// Light that a matt surface of that normal gives back; flat: 1.
float Matt(const Light& light, const Vector& normal) {
  constexpr float kMost = 1.7F;
  switch (light.kind) {
    case Lighting::kLamp: {
      const float lamp = std::max(0.0F, Dot(normal, light.direction)) / light.direction[2];
      return std::min(kMost, light.ambient + (1 - light.ambient) * lamp);
    }
    case Lighting::kDome:
      return light.ambient + (1 - light.ambient) * normal[2] * std::sqrt(normal[2]);
    case Lighting::kDarkField:
      break;
  }
  return std::min(kMost, 1 + 1.6F * (1 - normal[2]) * (1 - light.ambient));
}

// 1 in the middle of an object's shadow.
Field CastShadow(const Part& part, const Light& light) {
  Field shadow(part.columns(), part.rows());
  const float dx = light.direction[0] * light.shadow;
  const float dy = light.direction[1] * light.shadow;
  ForEach(shadow, [&](int x, int y, float& value) {
    value = part.coverage.Sample(static_cast<float>(x) + dx, static_cast<float>(y) + dy);
  });
  Blur(1 + light.shadow / 2, shadow);
  return shadow;
}

}  // namespace

Light DrawLight(Draws& draws) {
  Light light;
  const double kind = draws.Uniform();
  light.kind = kind < 0.6 ? Lighting::kLamp : kind < 0.85 ? Lighting::kDome : Lighting::kDarkField;
  const double azimuth = DrawAngle(draws);
  const double elevation = draws.Uniform(0.55, 1.3);
  light.direction = {static_cast<float>(std::cos(elevation) * std::cos(azimuth)),
                     static_cast<float>(std::cos(elevation) * std::sin(azimuth)),
                     static_cast<float>(std::sin(elevation))};
  light.ambient = Real(0.2, 0.6, draws);
  light.shininess = Real(12, 60, draws);
  light.shadow = Real(2, 12, draws);
  return light;
}

std::array<Field, 3> Illuminate(const Part& part, const Light& light) {
  const Vector half = Unit({light.direction[0], light.direction[1], light.direction[2] + 1});
  std::array<Field, 3> lit = part.colour;
  const Field shadow = part.object ? CastShadow(part, light) : Field(1, 1);
  for (int y = 0; y < part.rows(); ++y) {
    for (int x = 0; x < part.columns(); ++x) {
      const Vector normal = Normal(part.height, x, y);
      float factor = Matt(light, normal);
      if (part.object) factor *= 1 - 0.55F * shadow.at(x, y) * (1 - part.coverage.at(x, y));
      const float glint = part.gloss.at(x, y) * std::pow(std::max(0.0F, Dot(normal, half)), light.shininess);
      for (Field& channel : lit) channel.at(x, y) = std::max(0.0F, channel.at(x, y) * factor + 0.7F * glint);
    }
  }
  return lit;
}

}  // namespace bayespfl::synthetic
