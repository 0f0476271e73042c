// Numbers on the grid of a picture: what synthetic parts are made of before they are lit.
#ifndef BAYESPFL_MODEL_SYNTHETIC_FIELD_H_
#define BAYESPFL_MODEL_SYNTHETIC_FIELD_H_

#include <cstddef>
#include <vector>

namespace bayespfl::synthetic {

// [height, width], row-major. A plain value.
struct Field {
  int width = 0;   // pixels, > 0
  int height = 0;  // pixels, > 0
  std::vector<float> values;

  Field(int columns, int rows, float value = 0)
      : width(columns), height(rows), values(static_cast<size_t>(columns) * static_cast<size_t>(rows), value) {}

  [[nodiscard]] float& at(int x, int y) {
    return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  }
  [[nodiscard]] float at(int x, int y) const {
    return values[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)];
  }
  // The value nearest to a pixel that may lie outside.
  [[nodiscard]] float Near(int x, int y) const;
  // Interpolated linearly between pixels; outside as Near().
  [[nodiscard]] float Sample(float x, float y) const;
  [[nodiscard]] double Sum() const;
};

// Calls `set(x, y, value)` for every pixel, row by row; `value` may be changed.
template <typename Function>
void ForEach(Field& field, Function&& set) {
  size_t at = 0;
  for (int y = 0; y < field.height; ++y) {
    for (int x = 0; x < field.width; ++x) set(x, y, field.values[at++]);
  }
}

// Blurs about as a Gaussian of `deviation` pixels does: three box filters along each axis; the border's values go on.
// A deviation below 0.3 changes nothing.
void Blur(float deviation, Field& field);
// Along one axis alone.
void BlurRows(float deviation, Field& field);
void BlurColumns(float deviation, Field& field);

// 0 below `low`, 1 above `high`, smooth between; low < high.
float SmoothStep(float low, float high, float value);
inline float Mix(float a, float b, float share) { return a + (b - a) * share; }

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_FIELD_H_
