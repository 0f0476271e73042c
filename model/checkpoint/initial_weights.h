// Weights before any training, as CLIP's and Bayes-PFL's own code draw them.
#ifndef BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_
#define BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "model/package/model_config.h"

namespace bayespfl {

// A Gaussian; deviation 0: a constant.
struct InitialValues {
  float mean = 0;
  float deviation = 0;
  bool sines = false;  // FillPositions() instead
};

// How a tensor of ClipTensors() starts. Radford et al. 2021: matrices of width D have deviation D^-1/2, output
// projections of L blocks (2 L D)^-1/2, the first map of an MLP (2 D)^-1/2, tokens 0.02, text positions 0.01; norms are
// 1 and 0, biases 0. The patch convolution has the deviation of PyTorch's default.
InitialValues InitialClipValues(const std::string& name, const ModelConfig& config);

// How a tensor of BayesPflTensors() starts: maps N(0, 0.02), biases 0, prompts around 0 (context), 0.5 (normal) and
// -0.5 (abnormal), states and flows N(0, 1), temperatures ln(1 / 0.07). The prompts' truncation at 100 deviations and
// the uniform shape of `q_proj_pre` (same deviation here) are left out.
InitialValues InitialBayesPflValues(const std::string& name, const ModelConfig& config);

// The same two for towers that have no weights of CLIP's and learn from nothing on small data. Positions of patches are
// sines. The states' and contexts' rows are as far apart as the samples that are added to them: at 0.02 these drown
// them, and a random text tower then tells a normal prompt from an abnormal one by nothing. The samples' own deviation
// starts at e^-1.5, and the flows near the identity.
InitialValues InitialSmallClipValues(const std::string& name, const ModelConfig& config);
InitialValues InitialSmallBayesPflValues(const std::string& name, const ModelConfig& config);

// Sines and cosines of the row and of the column (as Vaswani et al. 2017 for a line; half of the channels each), for a
// class row, which is 0, and `grid` x `grid` patches: [1 + grid * grid, width]. `width` is a multiple of 4.
void FillPositions(int64_t grid, absl::Span<float> out);

// Fills `out` from Philox: a function of (seed, number, values) alone. Requires values without sines. Thread-safe.
void FillInitial(const InitialValues& values, uint64_t seed, uint32_t number, absl::Span<float> out);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_
