// From a picture's small maps of logits to its anomaly maps.
#ifndef BAYESPFL_MODEL_NETWORK_ANOMALY_MAPS_H_
#define BAYESPFL_MODEL_NETWORK_ANOMALY_MAPS_H_

#include <cstdint>
#include <optional>

#include "model/kernels/instruction_set.h"
#include "model/libtorch.h"

namespace bayespfl {

struct AnomalyMaps {
  torch::Tensor mean;       // [.., S, S], 0..1, mean over layers, samples and prompts
  torch::Tensor deviation;  // [.., S, S], population deviation over the samples; undefined unless asked for
};

struct AnomalyMapOptions {
  int64_t side = 1;             // S
  bool want_deviation = false;  // else no work is done for it
  // Our own kernel (model/kernels/map_fusion.h), for one picture in fp32 on the CPU; none, or elsewhere: LibTorch's
  // operators. The same numbers but for the order of their sums.
  std::optional<InstructionSet> kernel;
};

// Bilinear with align_corners (source coordinate o (G - 1) / (S - 1)): [.., C, G, G] -> [.., C, S, S].
torch::Tensor UpsampleLogits(const torch::Tensor& logits, int64_t side);

// logits [.., R, C, G, G]: of each sample's C = layers x prompts pairs, the abnormal text's logits less the normal
// one's. Interpolation is linear, so up-sampling the difference is up-sampling both; the softmax over a pair is then
// the sigmoid of it. No more than one sample's maps (of each picture) are ever there at full size, with our own kernel
// none.
AnomalyMaps FuseAnomalyMaps(const torch::Tensor& logits, const AnomalyMapOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_ANOMALY_MAPS_H_
