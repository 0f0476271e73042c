// Every random draw of a training run, each a function of the seed, what it is for and when: a run that was interrupted
// goes on with the draws that it would have had.
#ifndef BAYESPFL_MODEL_TRAINING_DRAWS_H_
#define BAYESPFL_MODEL_TRAINING_DRAWS_H_

#include <cstdint>
#include <vector>

#include "model/libtorch.h"
#include "model/training/training_loss.h"

namespace bayespfl {

// What a draw is for; part of its key, so the values must never change.
enum class DrawPurpose : uint32_t {
  kNoise = 0,       // of the prompt distributions in a step
  kPrompt = 1,      // which pair of prompts a step looks at
  kOrder = 2,       // of the pictures in an epoch
  kValidation = 3,  // noise of an epoch's validation
};

// A seed for other generators, by Philox. Thread-safe, as all of these.
uint64_t DrawKey(uint64_t seed, DrawPurpose purpose, uint64_t index);

// Of step `step` (counted over both stages) with so many pictures, `width` = E. Drawn on the CPU.
StepNoise DrawStepNoise(uint64_t seed, uint64_t step, int64_t pictures, int64_t width, torch::Device device);

// Uniform in 0 .. prompts - 1, for 1 <= prompts < 2^32.
int64_t DrawPromptIndex(uint64_t seed, uint64_t step, int64_t prompts);

// 0 .. pictures - 1 in random order, for fewer than 2^32 pictures.
std::vector<int64_t> DrawOrder(uint64_t seed, uint64_t epoch, int64_t pictures);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DRAWS_H_
