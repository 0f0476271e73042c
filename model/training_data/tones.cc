#include "model/training_data/tones.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

#include "model/training_data/matrix_view.h"

namespace bayespfl {
namespace {

using Table = std::array<uint8_t, 256>;

// Held to 0..255, then cut.
template <typename Real>
uint8_t Cut(Real value) {
  return static_cast<uint8_t>(std::clamp(value, Real{0}, Real{255}));
}

template <typename Function>
Table MakeTable(Function&& of) {
  Table table = {};
  for (int v = 0; v < 256; ++v) table[static_cast<size_t>(v)] = of(v);
  return table;
}

void Look(const Table& table, RgbImage& picture) {
  for (uint8_t& sample : picture.pixels) sample = table[sample];
}

// The picture in gray, [height, width]. Red gets the weight of blue and the other way round (see the header).
cv::Mat Gray(RgbImage& picture) {
  cv::Mat gray;
  cv::cvtColor(MatrixView(picture), gray, cv::COLOR_BGR2GRAY);
  return gray;
}

void JitterContrast(double factor, RgbImage& picture) {
  const double mean = cv::mean(Gray(picture))[0];
  Look(MakeTable([&](int v) { return Cut(v * factor + mean * (1.0 - factor)); }), picture);
}

void JitterSaturation(double factor, RgbImage& picture) {
  cv::Mat gray;
  cv::cvtColor(Gray(picture), gray, cv::COLOR_GRAY2BGR);
  cv::Mat view = MatrixView(picture);
  cv::addWeighted(view, factor, gray, 1.0 - factor, /*gamma=*/0.0, view);
}

void JitterHue(double turn, RgbImage& picture) {
  constexpr double kFullTurn = 180;  // OpenCV's hue of 8 bits counts steps of two degrees
  const Table table = MakeTable([&](int v) {
    const double hue = v + kFullTurn * turn;
    return Cut(hue - kFullTurn * std::floor(hue / kFullTurn));
  });
  cv::Mat view = MatrixView(picture);
  cv::cvtColor(view, view, cv::COLOR_BGR2HSV);
  for (size_t i = 0; i < picture.pixels.size(); i += 3) picture.pixels[i] = table[picture.pixels[i]];
  cv::cvtColor(view, view, cv::COLOR_HSV2BGR);
}

}  // namespace

void ChangeBrightnessAndContrast(double alpha, double beta, RgbImage& picture) {
  const auto scale = static_cast<float>(alpha);
  const auto shift = static_cast<float>(beta * 255);
  Look(MakeTable([&](int v) {
         const float scaled = static_cast<float>(v) * scale;  // rounded before the sum, as NumPy does
         return Cut(scaled + shift);
       }),
       picture);
}

void AddNoise(double variance, Draws draws, RgbImage& picture) {
  const auto deviation = static_cast<float>(std::sqrt(variance));
  for (uint8_t& sample : picture.pixels) {
    sample = Cut(static_cast<float>(sample) + deviation * NormalOfWord(draws.Word()));
  }
}

void JitterColours(const ColourJitter& jitter, RgbImage& picture) {
  for (const JitterStep step : jitter.order) {
    switch (step) {
      case JitterStep::kBrightness:
        Look(MakeTable([&](int v) { return Cut(v * jitter.brightness); }), picture);
        break;
      case JitterStep::kContrast:
        JitterContrast(jitter.contrast, picture);
        break;
      case JitterStep::kSaturation:
        JitterSaturation(jitter.saturation, picture);
        break;
      case JitterStep::kHue:
        JitterHue(jitter.hue, picture);
        break;
    }
  }
}

void BlurBox(int size, RgbImage& picture) {
  cv::Mat view = MatrixView(picture);
  cv::blur(view, view, cv::Size(size, size));
}

void BlurGaussian(int size, RgbImage& picture) {
  cv::Mat view = MatrixView(picture);
  cv::GaussianBlur(view, view, cv::Size(size, size), /*sigmaX=*/0.0);
}

}  // namespace bayespfl
