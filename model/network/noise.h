// The random draws behind one picture's prompts.
#ifndef BAYESPFL_MODEL_NETWORK_NOISE_H_
#define BAYESPFL_MODEL_NETWORK_NOISE_H_

#include <cstdint>

#include "model/libtorch.h"
#include "model/network/philox.h"

namespace bayespfl {

// Standard-normal draws of one picture, each [R, E]; of a batch, each [sum of R, E].
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

// Standard-normal draws of one stream into a contiguous [R, E] in host memory: FillNormal() for each row. Thread-safe.
void DrawNoise(uint64_t seed, NoiseStream stream, const torch::Tensor& to);

// Draws with it into contiguous tensors of one picture in host memory: row r depends on the seeds and r
// alone, not on how many samples there are. Thread-safe.
void DrawPromptNoise(const NoiseSeeds& seeds, const PromptNoise& to);
// The same into tensors of its own, which are then copied to the device. Throws c10::Error when the device fails.
PromptNoise DrawPromptNoise(const NoiseSeeds& seeds, int64_t samples, int64_t width, torch::Device device);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_NOISE_H_
