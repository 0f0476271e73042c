// What ModelInfer and ModelStreamInfer do with one request: check it, run its pictures, put the reply together.
#ifndef BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_
#define BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "inference/grpc_service.pb.h"
#include "model/verdict/inspection.h"
#include "server/api/call_client.h"
#include "server/api/kserve_statistics.h"
#include "server/api/kserve_translate.h"
#include "server/api/records.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/pipeline.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

// What the calls of this protocol work on; outlives them.
struct KserveBackend {
  Pipeline& pipeline;
  KserveStatistics& statistics;
};

// The model of that name, in that version unless `version` is empty. Errors as Pipeline::FindModel(); NotFound besides:
// no name, or another version. Thread-safe.
absl::StatusOr<std::shared_ptr<ServedModel>> FindServedModel(const Pipeline& pipeline, absl::string_view name,
                                                             absl::string_view version);

// The frames of a request that may be run, all of the model that serves now, due by `deadline` or its own timeout,
// whichever comes first. Errors as FindServedModel(), InferenceFromProto() and CheckPriority(); the
// statistics count them where the model is known. Thread-safe.
absl::StatusOr<Inference> PrepareInference(const KserveBackend& backend,
                                           const std::shared_ptr<const inference::ModelInferRequest>& request,
                                           const CallClient& client, std::chrono::steady_clock::time_point arrival,
                                           absl::Time deadline);

struct InferenceReply {
  inference::ModelInferResponse message;
  std::vector<Inspection> results;  // one for each picture, for records and statistics
  double executions = 0;            // calls of the model; one that had other pictures besides counts in part
};

using Timelines = std::vector<std::shared_ptr<const FrameTimeline>>;

// Gives every frame a timeline that `make` makes, and returns them in the frames' order; none when it makes none
// (null).
Timelines AddTimelines(const std::function<std::shared_ptr<FrameTimeline>()>& make, Inference& inference);

// The record of a request: one of each picture when it was answered, in the pictures' order, else one of all. It refers
// to `call` and to the results in `reply`.
RequestRecord RequestOf(const CallRecord& call, const ReceivedFrame& request, const Timelines& timelines,
                        const absl::StatusOr<InferenceReply>& reply);

// Runs every picture as a frame of its own; all of them are accepted, or none. `done` is called exactly once, perhaps
// before this returns, when the pipeline holds none of the frames any more. The first error of a picture is the
// request's. The statistics count the request when it ends. Thread-safe.
void RunInference(const KserveBackend& backend, Inference inference, std::shared_ptr<CancellationToken> cancellation,
                  std::function<void(absl::StatusOr<InferenceReply>)> done);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_
