// Recorded results, and how to ask for them again.
#ifndef BAYESPFL_CLIENT_CPP_REPLAY_H_
#define BAYESPFL_CLIENT_CPP_REPLAY_H_

#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "model/verdict/comparison.h"
#include "model/verdict/inspection.h"

namespace bayespfl::client {

// The line of a result log that is meant: the one with `result_id`, or, when that is empty, the only one that is not
// blank. Lines may be of any number; none longer than 1 MiB is taken. NOT_FOUND: no line has that id. INVALID_ARGUMENT:
// there is no line, or without an id several, or one is too long. `name` stands in messages for what is read.
absl::StatusOr<std::string> FindResultLine(std::istream& log, absl::string_view result_id, absl::string_view name);

// The recorded frame once more: the picture with its recorded geometry, and everything the result depends on as it was.
inspection::v1::InspectRequest ReplayRequest(const Inspection& recorded, std::string picture);

// The reply to ReplayRequest(recorded, ...), with what of the picture the reply does not tell.
Inspection ReplayedInspection(const Inspection& recorded, const inspection::v1::InspectResponse& response);

// For people, without a final line break: how far the two agree; below it the numbers that differ, and the conditions
// that are not as they were.
std::string ComparisonText(const Comparison& comparison);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_REPLAY_H_
