// Preconditions of functions that have no way to report an error.
#ifndef BAYESPFL_MODEL_EVALUATION_REQUIRE_H_
#define BAYESPFL_MODEL_EVALUATION_REQUIRE_H_

#include "absl/strings/string_view.h"

namespace bayespfl {

// Ends the program with `message` on stderr unless `condition` holds: a number computed from broken input would only
// surface in a report, where nobody can tell it from a right one.
void Require(bool condition, absl::string_view message);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_REQUIRE_H_
