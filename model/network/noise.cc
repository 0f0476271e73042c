#include "model/network/noise.h"

#include <cstddef>

#include "model/network/philox.h"

namespace bayespfl {
namespace {

torch::Tensor Draw(uint64_t seed, NoiseStream stream, int64_t samples, int64_t width) {
  torch::Tensor noise = torch::empty({samples, width});
  for (int64_t r = 0; r < samples; ++r) {
    FillNormal(seed, stream, static_cast<uint32_t>(r),
               {noise.data_ptr<float>() + r * width, static_cast<size_t>(width)});
  }
  return noise;
}

}  // namespace

PromptNoise DrawPromptNoise(const NoiseSeeds& seeds, int64_t samples, int64_t width, torch::Device device) {
  return {Draw(seeds.image_specific, NoiseStream::kContext, samples, width).to(device),
          Draw(seeds.image_agnostic, NoiseStream::kNormal, samples, width).to(device),
          Draw(seeds.image_agnostic, NoiseStream::kAbnormal, samples, width).to(device)};
}

}  // namespace bayespfl
