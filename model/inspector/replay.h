// Results that were recorded, computed again: what tools and clients say of both. No LibTorch, no gRPC.
#ifndef BAYESPFL_MODEL_INSPECTOR_REPLAY_H_
#define BAYESPFL_MODEL_INSPECTOR_REPLAY_H_

#include <istream>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/verdict/comparison.h"
#include "model/verdict/inspection.h"

namespace bayespfl {

// Exit codes of a replay.
enum ReplayExit : int {
  kReplayAgrees = 0,   // equal to the bit, or within the documented tolerance
  kReplayFailed = 1,   // there is nothing to compare
  kReplayDiffers = 2,  // different
};

// The result that was recorded in `log`, lines of a result log; errors call it `name`. The line with that result id;
// with an empty id the only line there is. Other lines may be damaged, as the last one of a log that was cut off is.
// NotFound: no line has that id, or there is none at all. InvalidArgument: several lines and no id, or what
// ParseResultLine() says of the line.
absl::StatusOr<Inspection> ReadRecordedResult(std::istream& log, absl::string_view name, absl::string_view result_id);

// "the picture is not the recorded one ..." when its SHA-256 is not the line's; else empty.
std::string PictureComplaint(const PictureIdentity& recorded, absl::string_view sha256);

// What people read: one line with the agreement, then indented what differs and what is not as it was.
//   0195...: different
//     score 0.71 -> 0.73
//     not as it was: kernels libtorch 2.11.0 AVX512 threads=2 -> libtorch 2.11.0 AVX2 threads=2
// Control characters of either result are shown, not obeyed.
std::string ReplayText(const Inspection& recorded, const Comparison& comparison);

ReplayExit ReplayExitOf(Agreement agreement);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_INSPECTOR_REPLAY_H_
