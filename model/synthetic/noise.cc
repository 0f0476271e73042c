#include "model/synthetic/noise.h"

#include <array>
#include <cmath>

#include "model/synthetic/field.h"

namespace bayespfl::synthetic {
namespace {

constexpr float kUnit = 0x1p-24F;

// Eight directions of equal length.
constexpr std::array<std::array<float, 2>, 8> kGradients = {
    {{1.4142F, 0}, {-1.4142F, 0}, {0, 1.4142F}, {0, -1.4142F}, {1, 1}, {-1, 1}, {1, -1}, {-1, -1}}};

float Fade(float t) { return t * t * t * (t * (t * 6 - 15) + 10); }

}  // namespace

uint32_t Noise::Hash(int x, int y) const {
  // The finaliser of MurmurHash3 over coordinates that are spread by odd multipliers.
  uint32_t h = static_cast<uint32_t>(x) * 0x9E3779B1U ^ static_cast<uint32_t>(y) * 0x85EBCA77U ^ key_;
  h = (h ^ (h >> 16)) * 0x85EBCA6BU;
  h = (h ^ (h >> 13)) * 0xC2B2AE35U;
  return h ^ (h >> 16);
}

float Noise::Smooth(float x, float y) const {
  const float left = std::floor(x);
  const float top = std::floor(y);
  const int column = static_cast<int>(left);
  const int row = static_cast<int>(top);
  const float dx = x - left;
  const float dy = y - top;
  const auto slope = [&](int i, int j) {
    const auto& gradient = kGradients.at(Hash(column + i, row + j) & 7);
    return gradient[0] * (dx - static_cast<float>(i)) + gradient[1] * (dy - static_cast<float>(j));
  };
  const float across = Fade(dx);
  return Mix(Mix(slope(0, 0), slope(1, 0), across), Mix(slope(0, 1), slope(1, 1), across), Fade(dy));
}

float Noise::Rough(float x, float y, int octaves) const {
  float sum = 0;
  float height = 0.5F;
  for (int octave = 0; octave < octaves; ++octave) {
    sum += height * Smooth(x + 17.3F * static_cast<float>(octave), y - 9.7F * static_cast<float>(octave));
    x *= 2;
    y *= 2;
    height /= 2;
  }
  return 1.6F * sum;
}

float Noise::Cell(int x, int y) const { return static_cast<float>(Hash(x, y) >> 8) * kUnit; }

Noise::Nearest Noise::Cells(float x, float y) const {
  const int column = static_cast<int>(std::floor(x));
  const int row = static_cast<int>(std::floor(y));
  float first = 9;
  float second = 9;
  Nearest nearest;
  for (int j = row - 1; j <= row + 1; ++j) {
    for (int i = column - 1; i <= column + 1; ++i) {
      const uint32_t bits = Hash(i, j);
      const float dx = static_cast<float>(i) + static_cast<float>(bits & 0xFFF) / 4096 - x;
      const float dy = static_cast<float>(j) + static_cast<float>((bits >> 12) & 0xFFF) / 4096 - y;
      const float distance = std::sqrt(dx * dx + dy * dy);
      if (distance < first) {
        second = first;
        first = distance;
        nearest.id = static_cast<float>(bits >> 24) / 255;
      } else if (distance < second) {
        second = distance;
      }
    }
  }
  nearest.distance = first;
  nearest.edge = second - first;
  return nearest;
}

}  // namespace bayespfl::synthetic
