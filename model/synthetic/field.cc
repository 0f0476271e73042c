#include "model/synthetic/field.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace bayespfl::synthetic {
namespace {

constexpr float kLeastDeviation = 0.3F;
constexpr int kBoxes = 3;

// The mean over 2 radius + 1 values `stride` apart, with the two next to them at the share `rest` each, so that the
// width need not be a whole number. `line` is room for `count` values.
void BoxLine(float* values, int count, ptrdiff_t stride, float radius, std::vector<float>& line) {
  const int whole = static_cast<int>(radius);
  const float rest = radius - static_cast<float>(whole);
  const float scale = 1.0F / (2.0F * radius + 1.0F);
  for (int i = 0; i < count; ++i) line[static_cast<size_t>(i)] = values[i * stride];
  const auto at = [&](int i) { return line[static_cast<size_t>(std::clamp(i, 0, count - 1))]; };
  float sum = 0;
  for (int i = -whole; i <= whole; ++i) sum += at(i);
  for (int i = 0; i < count; ++i) {
    values[i * stride] = (sum + rest * (at(i - whole - 1) + at(i + whole + 1))) * scale;
    sum += at(i + whole + 1) - at(i - whole);
  }
}

// Of the box whose variance, three times, is that of the Gaussian.
float BoxRadius(float deviation) { return (std::sqrt(4 * deviation * deviation + 1) - 1) / 2; }

}  // namespace

float Field::Near(int x, int y) const { return at(std::clamp(x, 0, width - 1), std::clamp(y, 0, height - 1)); }

float Field::Sample(float x, float y) const {
  const float left = std::floor(x);
  const float top = std::floor(y);
  const int column = static_cast<int>(left);
  const int row = static_cast<int>(top);
  const float upper = Mix(Near(column, row), Near(column + 1, row), x - left);
  const float lower = Mix(Near(column, row + 1), Near(column + 1, row + 1), x - left);
  return Mix(upper, lower, y - top);
}

double Field::Sum() const { return std::accumulate(values.begin(), values.end(), 0.0); }

void BlurRows(float deviation, Field& field) {
  if (deviation < kLeastDeviation) return;
  std::vector<float> line(static_cast<size_t>(field.width));
  for (int y = 0; y < field.height; ++y) {
    for (int i = 0; i < kBoxes; ++i) BoxLine(&field.at(0, y), field.width, 1, BoxRadius(deviation), line);
  }
}

void BlurColumns(float deviation, Field& field) {
  if (deviation < kLeastDeviation) return;
  std::vector<float> line(static_cast<size_t>(field.height));
  for (int x = 0; x < field.width; ++x) {
    for (int i = 0; i < kBoxes; ++i) BoxLine(&field.at(x, 0), field.height, field.width, BoxRadius(deviation), line);
  }
}

void Blur(float deviation, Field& field) {
  BlurRows(deviation, field);
  BlurColumns(deviation, field);
}

float SmoothStep(float low, float high, float value) {
  const float t = std::clamp((value - low) / (high - low), 0.0F, 1.0F);
  return t * t * (3 - 2 * t);
}

}  // namespace bayespfl::synthetic
