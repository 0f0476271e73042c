// How a command says that it failed, that something is most likely not meant, and what else people should know.
#ifndef BAYESPFL_MODEL_TOOLS_FAILURE_H_
#define BAYESPFL_MODEL_TOOLS_FAILURE_H_

#include "absl/strings/string_view.h"

namespace bayespfl {

// Writes "bayespfl-model: REASON" to stderr and returns the exit code 1. Names of files and of tensors are part of
// reasons and may hold anything: EscapeControls() keeps a terminal from obeying it; line breaks, which divide lists,
// stay.
int Fail(absl::string_view reason);

// Writes "bayespfl-model: warning: TEXT" in the same way.
void Warn(absl::string_view text);

// Writes "bayespfl-model: SENTENCE" in the same way; nothing when the sentence is empty.
void Say(absl::string_view sentence);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_FAILURE_H_
