// The random draws behind one picture's prompts.
#ifndef BAYESPFL_MODEL_NETWORK_NOISE_H_
#define BAYESPFL_MODEL_NETWORK_NOISE_H_

#include <cstdint>

#include "torch/torch.h"

namespace bayespfl {

// Standard-normal draws of one picture, each [R, E].
struct PromptNoise {
  torch::Tensor context;
  torch::Tensor normal;
  torch::Tensor abnormal;
};

// The keys of the draws: the image-specific distribution's and the image-agnostic ones'.
struct NoiseSeeds {
  uint64_t image_specific = 0;
  uint64_t image_agnostic = 0;
};

// Draws on the CPU with FillNormal() and copies to the device: row r depends on the seeds and r alone, not on how many
// samples there are, nor on the device. Thread-safe; throws c10::Error when the device fails.
PromptNoise DrawPromptNoise(const NoiseSeeds& seeds, int64_t samples, int64_t width, torch::Device device);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_NOISE_H_
