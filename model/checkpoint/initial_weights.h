// Weights before any training, as CLIP's and Bayes-PFL's own code draw them.
#ifndef BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_
#define BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_

#include <cstdint>
#include <string>

#include "absl/types/span.h"
#include "model/package/model_config.h"

namespace bayespfl {

// What a tensor is besides, or instead of, random.
enum class InitialPattern {
  kNone,
  kPositions,  // FillPositions() instead
  kPatches,    // FillPatches() instead
  kAttention,  // drawn; then as ShapeAttention() says
  kOutput,     // drawn; then kOutputDiagonal is added to the diagonal
};

// A Gaussian; deviation 0: a constant.
struct InitialValues {
  float mean = 0;
  float deviation = 0;
  InitialPattern pattern = InitialPattern::kNone;
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
// sines, patches are seen through cosines, and attention begins by comparing a patch with those that are like it and
// near it (after Trockman & Kolter 2023, arXiv:2305.09828, who found such products in trained transformers). The
// states' and contexts' rows are as far apart as the samples that are added to them: at 0.02 these drown them, and a
// random text tower then tells a normal prompt from an abnormal one by nothing. The samples' own deviation starts at
// e^-1.5, and the flows near the identity.
InitialValues InitialSmallClipValues(const std::string& name, const ModelConfig& config);
InitialValues InitialSmallBayesPflValues(const std::string& name, const ModelConfig& config);

// Sines and cosines of the row and of the column (as Vaswani et al. 2017 for a line; half of the channels each), for a
// class row, which is 0, and `grid` x `grid` patches: [1 + grid * grid, width]. `width` is a multiple of 4.
void FillPositions(int64_t grid, absl::Span<float> out);

// Filters of a patch of `patch` x `patch` pixels in red, green and blue, [width, 3, patch, patch]: two-dimensional
// cosines by rising frequency, two thirds of them of the brightness, the rest of red against blue and of green against
// both. Their sizes whiten: of pictures whose power falls with the square of the frequency, as that of photographs does
// (Field 1987), each filter says about as much. Random filters all say the mean. Requires
// width - 2 (width / 6) <= patch * patch.
void FillPatches(int64_t patch, int64_t width, absl::Span<float> out);

// Of [3 width, width] the keys become the queries, so that a token attends to what is like it, by content and position;
// of the values kValueDiagonal is added to the diagonal. With kOutputDiagonal behind them a block takes a part of what
// is around a token off it.
inline constexpr float kValueDiagonal = 0.6F;
inline constexpr float kOutputDiagonal = -0.6F;
void ShapeAttention(int64_t width, absl::Span<float> out);

// Fills `out`, a tensor of `config`: a function of (seed, number, values, config) alone. Thread-safe.
void FillInitial(const InitialValues& values, const ModelConfig& config, uint64_t seed, uint32_t number,
                 absl::Span<float> out);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_INITIAL_WEIGHTS_H_
