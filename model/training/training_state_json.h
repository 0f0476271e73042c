// state.json of a training state (training_state.h).
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_STATE_JSON_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_STATE_JSON_H_

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/training/training_state.h"

namespace bayespfl {

struct TrainingStateText {
  RunIdentity identity;
  std::map<std::string, std::string> digests;  // file -> SHA-256
  TrainingState state;                         // without its tensors
};

// Numbers are written so that they are read back to the bit.
std::string FormatTrainingState(const TrainingStateText& text);

// InvalidArgument: not such a text; names `file` and the key.
absl::StatusOr<TrainingStateText> ParseTrainingState(absl::string_view json_text, const std::string& file);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_STATE_JSON_H_
