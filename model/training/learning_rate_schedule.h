// The learning rate's factor in the course of stage 1.
#ifndef BAYESPFL_MODEL_TRAINING_LEARNING_RATE_SCHEDULE_H_
#define BAYESPFL_MODEL_TRAINING_LEARNING_RATE_SCHEDULE_H_

#include <cstdint>

namespace bayespfl {

// With W = floor(0.1 total): finished / W before W, then max(0, (1 + cos(pi (finished - W) / (total - W))) / 2).
// `finished` counts the steps that are done, so the very first step has the factor 0. `total` > 0: steps of an epoch
// times the most epochs there may be.
double LearningRateFactor(int64_t finished, int64_t total);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LEARNING_RATE_SCHEDULE_H_
