#include "model/synthetic/part.h"

#include <algorithm>
#include <cmath>

namespace bayespfl::synthetic {

Colour DrawGray(float low, float high, Draws& draws) {
  const auto value = static_cast<float>(draws.Uniform(low, high));
  return {value, value, value};
}

Colour DrawMetal(Draws& draws) {
  const auto value = static_cast<float>(draws.Uniform(0.35, 0.75));
  const auto warmth = static_cast<float>(draws.Uniform(-0.04, 0.06));
  return {value * (1 + warmth), value, value * (1 - warmth)};
}

Colour DrawPlastic(Draws& draws) {
  const double hue = draws.Uniform(0, 6);
  const double saturation = draws.Uniform(0.05, 0.8);
  const double value = draws.Uniform(0.2, 0.85);
  const auto channel = [&](double shift) {
    const double distance = std::abs(std::fmod(hue + shift, 6.0) - 3.0);
    return static_cast<float>(value * (1 - saturation * (1 - std::clamp(distance - 1.0, 0.0, 1.0))));
  };
  return {channel(0), channel(2), channel(4)};
}

}  // namespace bayespfl::synthetic
