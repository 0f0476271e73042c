#include "model/clip/preprocess.h"

#include "model/image/resample.h"

namespace bayespfl {

torch::Tensor Preprocess(const RgbImage& image, const ModelConfig& config) {
  const int side = static_cast<int>(config.image_size);
  const RgbImage resized = ResizeBicubic(image, side, side);
  torch::Tensor tensor = torch::empty({3, side, side});
  float* out = tensor.data_ptr<float>();
  const size_t plane = resized.pixel_count();
  for (size_t channel = 0; channel < 3; ++channel) {
    const float mean = config.mean[channel];
    const float stddev = config.stddev[channel];
    for (size_t i = 0; i < plane; ++i) {
      out[channel * plane + i] = (static_cast<float>(resized.pixels[3 * i + channel]) / 255.0F - mean) / stddev;
    }
  }
  return tensor;
}

}  // namespace bayespfl
