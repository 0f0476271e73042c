// Several frames of one request that are answered together.
#ifndef BAYESPFL_SERVER_API_FRAME_GROUP_H_
#define BAYESPFL_SERVER_API_FRAME_GROUP_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// One outcome per frame in the frames' order, or the error of the frame that failed first; of several frames the
// message begins with "image[INDEX]: " and the payloads are the frame's. InvalidArgument: their maps are too large
// together.
using GroupResult = absl::StatusOr<std::vector<InspectionOutcome>>;

// Submits the frames as Pipeline::SubmitTogether() takes them, each with `cancellation` as its token. What is refused
// for the sake of all of them, for want of room for one, is an error without an index. The first error of an accepted
// frame cancels the token, and with it the rest of the group, and so does the first outcome with which all maps and
// masks have more than `max_map_bytes`: a group never holds much more. `done` is called exactly once, perhaps before
// this returns, when the pipeline holds none of the frames any more. Thread-safe.
void SubmitGroup(Pipeline& pipeline, std::vector<FrameRequest> frames, size_t max_map_bytes,
                 std::shared_ptr<CancellationToken> cancellation, std::function<void(GroupResult)> done);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_FRAME_GROUP_H_
