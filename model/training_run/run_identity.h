// What tells training runs apart: two with the same identity end with the same bits on one machine's CPU.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_RUN_IDENTITY_H_
#define BAYESPFL_MODEL_TRAINING_RUN_RUN_IDENTITY_H_

#include <string>

#include "model/training/training_state.h"
#include "model/training_run/run_parts.h"

namespace bayespfl {

// What computes, so far as it decides bits.
std::string ComputedWith(const RunParts& parts);

// All that the run's bits depend on besides the trainer's own options (Trainer adds those): the start's weights, both
// data sets and how they are read, how pictures are changed, which features go through a cache and in which type, what
// computes, and in towers mode its options. Where folders lie is no part of it. Named as the configuration does, for
// people whose state is refused.
RunIdentity IdentityOf(const RunParts& parts);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_RUN_IDENTITY_H_
