#include "model/synthetic/camera.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "model/synthetic/real.h"

namespace bayespfl::synthetic {
namespace {

// Red, green and blue as the eye weighs them (BT.601).
constexpr std::array<float, 3> kGrayWeights = {0.299F, 0.587F, 0.114F};

constexpr float kDarkest = 1e-3F;   // mean light that a camera is still set for
constexpr size_t kBrightRank = 97;  // percent of the pixels that are darker than what the camera may saturate at

Field Gray(const std::array<Field, 3>& light) {
  Field gray(light[0].width, light[0].height);
  for (size_t i = 0; i < gray.values.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) gray.values[i] += kGrayWeights.at(c) * light.at(c).values[i];
  }
  return gray;
}

std::vector<float> DrawGains(int count, float deviation, Draws& draws) {
  std::vector<float> gains(static_cast<size_t>(count));
  for (float& gain : gains) gain = 1 + deviation * static_cast<float>(draws.Normal());
  return gains;
}

// Light as it falls on the sensor: uneven, and not sharp.
void PassThroughLens(const Camera& camera, Draws& draws, Field& channel) {
  const std::vector<float> columns = DrawGains(channel.width, camera.column_pattern, draws);
  const std::vector<float> rows = DrawGains(channel.height, camera.row_flicker, draws);
  BlurRows(camera.blur_x, channel);
  BlurColumns(camera.blur_y, channel);
  ForEach(channel, [&](int x, int y, float& value) {
    const float u = static_cast<float>(x) / static_cast<float>(channel.width) - 0.5F;
    const float v = static_cast<float>(y) / static_cast<float>(channel.height) - 0.5F;
    const float shape =
        (1 - 2 * camera.vignette * (u * u + v * v)) * (1 + camera.slope_x * u) * (1 + camera.slope_y * v);
    value *= camera.gain * shape * columns[static_cast<size_t>(x)] * rows[static_cast<size_t>(y)];
  });
}

uint8_t Digitise(const Camera& camera, float light, Draws& draws) {
  const float signal = std::pow(std::max(0.0F, light), camera.gamma);
  const float noise = camera.noise * (0.5F + 0.7F * std::sqrt(signal));
  const float value = camera.black + camera.range * signal + noise * static_cast<float>(draws.Normal());
  return static_cast<uint8_t>(std::lround(255 * std::clamp(value, 0.0F, 1.0F)));
}

}  // namespace

Camera DrawCamera(const std::array<Field, 3>& light, Draws& draws) {
  Camera camera(draws);
  const Field gray = Gray(light);
  const auto mean = static_cast<float>(gray.Sum() / static_cast<double>(gray.values.size()));
  std::vector<float> sorted = gray.values;
  const auto bright = sorted.begin() + static_cast<ptrdiff_t>(sorted.size() * kBrightRank / 100);
  std::nth_element(sorted.begin(), bright, sorted.end());
  const float wanted = Real(0.25, 0.6, draws) / std::max(mean, kDarkest);
  const float most = Real(0.7, 1.05, draws) / std::max(*bright, kDarkest);
  camera.gain = std::min({wanted, most, 4.0F});
  camera.gray = draws.Chance(0.6);
  const bool low_contrast = draws.Chance(0.3);
  camera.black = low_contrast ? Real(0.05, 0.35, draws) : Real(0, 0.05, draws);
  camera.range = low_contrast ? Real(0.3, 0.55, draws) : Real(0.75, 1, draws);
  camera.gamma = Real(0.8, 1.15, draws);
  camera.vignette = draws.Chance(0.6) ? Real(0, 0.5, draws) : 0;
  camera.slope_x = draws.Chance(0.5) ? Real(-0.3, 0.3, draws) : 0;
  camera.slope_y = draws.Chance(0.3) ? Real(-0.2, 0.2, draws) : 0;
  camera.column_pattern = draws.Chance(0.5) ? Real(0, 0.015, draws) : 0;
  camera.row_flicker = draws.Chance(0.3) ? Real(0, 0.01, draws) : 0;
  camera.blur_x = Real(0.3, 1.1, draws);
  camera.blur_y = camera.blur_x + (draws.Chance(0.4) ? Real(0, 0.9, draws) : 0);
  camera.noise = Real(0.004, 0.022, draws);
  camera.samples = draws.Fork();
  return camera;
}

float GrayLevel(const Camera& camera, float light) {
  const float signal = std::pow(std::max(0.0F, light * camera.gain), camera.gamma);
  return 255 * std::min(1.0F, camera.black + camera.range * signal);
}

RgbImage TakePicture(const Camera& camera, std::array<Field, 3> light) {
  Draws noise = camera.samples;
  const Draws patterns = noise.Fork();
  const int width = light[0].width;
  const int height = light[0].height;
  if (camera.gray) light[0] = Gray(light);
  const size_t channels = camera.gray ? 1 : 3;
  RgbImage picture{width, height, std::vector<uint8_t>(light[0].values.size() * 3)};
  for (size_t c = 0; c < channels; ++c) {
    Draws pattern = patterns;  // the same streaks in every channel
    PassThroughLens(camera, pattern, light.at(c));
  }
  for (size_t i = 0; i < light[0].values.size(); ++i) {
    for (size_t c = 0; c < 3; ++c) {
      picture.pixels[3 * i + c] = c < channels ? Digitise(camera, light.at(c).values[i], noise) : picture.pixels[3 * i];
    }
  }
  return picture;
}

}  // namespace bayespfl::synthetic
