// A part, or a piece of a surface, before light falls on it.
#ifndef BAYESPFL_MODEL_SYNTHETIC_PART_H_
#define BAYESPFL_MODEL_SYNTHETIC_PART_H_

#include <array>
#include <cstddef>
#include <vector>

#include "model/synthetic/field.h"
#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

// Share of light that is reflected, 0..1 each: red, green, blue.
using Colour = std::array<float, 3>;

inline Colour Scaled(const Colour& colour, float factor) {
  return {colour[0] * factor, colour[1] * factor, colour[2] * factor};
}

// A plain value; all fields are of one size.
struct Part {
  Part(int width, int rows)
      : height(width, rows),
        coverage(width, rows, 1),
        gloss(width, rows),
        colour{Field(width, rows), Field(width, rows), Field(width, rows)} {}

  [[nodiscard]] int columns() const { return height.width; }
  [[nodiscard]] int rows() const { return height.height; }

  // Mixes `share` of the colour into a pixel.
  void Paint(int x, int y, const Colour& paint, float share = 1) {
    for (size_t c = 0; c < 3; ++c) colour[c].at(x, y) = Mix(colour[c].at(x, y), paint[c], share);
  }
  // Multiplies a pixel's colour.
  void Shade(int x, int y, float factor) {
    for (Field& channel : colour) channel.at(x, y) *= factor;
  }

  Field height;                        // towards the camera, pixels; only its slope is seen
  Field coverage;                      // 0..1: 1 on the part, 0 on what lies behind it
  Field gloss;                         // 0..1: how strong the lamp's reflection is
  std::array<Field, 3> colour;         // 0..1, share of light that comes back: red, green, blue
  std::vector<Field> background = {};  // three channels: what is seen where an object is not; of surfaces none
  bool regular = false;  // of a surface: a pattern so coarse and even that people see where it is distorted
  bool object = false;   // a part on a background; else a surface that fills the picture
};

// Colours as parts have them. Each takes the draws that it needs.
Colour DrawMetal(Draws& draws);    // gray, 0.35..0.75, with a trace of colour
Colour DrawPlastic(Draws& draws);  // any hue, more or less saturated
Colour DrawGray(float low, float high, Draws& draws);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_PART_H_
