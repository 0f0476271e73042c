#include "model/clip/preprocess.h"

#include <cstddef>

#include "model/image/resample.h"

namespace bayespfl {

std::vector<float> Preprocess(const RgbImage& image, const ModelConfig& config) {
  const int side = static_cast<int>(config.image_size);
  const RgbImage resized = ResizeBicubic(image, side, side);
  const size_t plane = resized.pixel_count();
  std::vector<float> input(3 * plane);
  for (size_t channel = 0; channel < 3; ++channel) {
    const float mean = config.mean[channel];
    const float stddev = config.stddev[channel];
    for (size_t i = 0; i < plane; ++i) {
      input[channel * plane + i] = (static_cast<float>(resized.pixels[3 * i + channel]) / 255.0F - mean) / stddev;
    }
  }
  return input;
}

}  // namespace bayespfl
