#include "model/network/noise.h"

#include <cstddef>

#include "model/network/philox.h"

namespace bayespfl {
void DrawNoise(uint64_t seed, NoiseStream stream, const torch::Tensor& to) {
  const auto width = static_cast<size_t>(to.size(1));
  auto* row = to.mutable_data_ptr<float>();
  for (int64_t r = 0; r < to.size(0); ++r, row += width) {
    FillNormal(seed, stream, static_cast<uint32_t>(r), {row, width});
  }
}

void DrawPromptNoise(const NoiseSeeds& seeds, const PromptNoise& to) {
  DrawNoise(seeds.image_specific, NoiseStream::kContext, to.context);
  DrawNoise(seeds.image_agnostic, NoiseStream::kNormal, to.normal);
  DrawNoise(seeds.image_agnostic, NoiseStream::kAbnormal, to.abnormal);
}

PromptNoise DrawPromptNoise(const NoiseSeeds& seeds, int64_t samples, int64_t width, torch::Device device) {
  const torch::Tensor drawn = torch::empty({3, samples, width});
  DrawPromptNoise(seeds, PromptNoise{drawn[0], drawn[1], drawn[2]});
  const torch::Tensor placed = drawn.to(device);
  return {placed[0], placed[1], placed[2]};
}

}  // namespace bayespfl
