// Random functions of the plane: smooth noise and cells, from which textures are made.
#ifndef BAYESPFL_MODEL_SYNTHETIC_NOISE_H_
#define BAYESPFL_MODEL_SYNTHETIC_NOISE_H_

#include <cstdint>

#include "model/training_data/draws.h"

namespace bayespfl::synthetic {

// A function of (x, y) with one feature per unit. Immutable; thread-safe.
class Noise {
 public:
  // Takes one word.
  explicit Noise(Draws& draws) : key_(draws.Word()) {}

  // -1..1, smooth, mean 0: gradient noise (Perlin 2002).
  [[nodiscard]] float Smooth(float x, float y) const;
  // About -1..1: `octaves` of Smooth(), each of twice the frequency and half the height.
  [[nodiscard]] float Rough(float x, float y, int octaves) const;
  // 0..1, another one in every unit square: white noise.
  [[nodiscard]] float Cell(int x, int y) const;

  struct Nearest {
    float distance = 0;  // to the nearest point, units
    float edge = 0;      // distance of the second nearest less that: 0 on the border between two cells
    float id = 0;        // 0..1, the cell's own
  };
  // Points scattered one to a unit square (Worley 1996).
  [[nodiscard]] Nearest Cells(float x, float y) const;

 private:
  [[nodiscard]] uint32_t Hash(int x, int y) const;

  uint32_t key_;
};

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_NOISE_H_
