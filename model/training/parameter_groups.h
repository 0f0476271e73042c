// Which parameters each stage's optimiser has, and how fast they learn.
#ifndef BAYESPFL_MODEL_TRAINING_PARAMETER_GROUPS_H_
#define BAYESPFL_MODEL_TRAINING_PARAMETER_GROUPS_H_

#include <string>
#include <vector>

#include "model/network/weights.h"

namespace bayespfl {

struct ParameterGroup {
  std::vector<std::string> names = {};
  double learning_rate = 0;  // before the schedule's factor
  double weight_decay = 0;   // AdamW's
  bool muon = false;         // matrices that move as muon.h says instead of as Adam does
};

// Stage 1, by name: 0 names with "prompt", 1e-3; 1 the two temperatures, 0.01; 2 names with "PFL" and neither "encoder"
// nor "decoder", 1e-3; 3 the rest, 1e-4. The schedule (learning_rate_schedule.h) is theirs.
// Stage 2: one group, `fuse`, `class_mapping` and `image_mapping`, 1e-4 all the time.
// `parameters` are LoadParameters()'; stage 1 or 2.
std::vector<ParameterGroup> ParameterGroups(int stage, const TensorMap& parameters);

// Those of `parameters` that are in one of the groups: what a step needs gradients of.
TensorMap MembersOf(const std::vector<ParameterGroup>& groups, const TensorMap& parameters);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_PARAMETER_GROUPS_H_
