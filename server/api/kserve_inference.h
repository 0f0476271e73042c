// What ModelInfer and ModelStreamInfer do with one request: check it, run its pictures, put the reply together.
#ifndef BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_
#define BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_

#include <chrono>
#include <functional>
#include <memory>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "inference/grpc_service.pb.h"
#include "server/api/kserve_translate.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// The frames of a request that may be run, due by `deadline` or its own timeout, whichever comes first. Unavailable or
// Internal: as Pipeline::Ready(). NotFound: another model is loaded. InvalidArgument: as InferenceFromProto().
// Thread-safe.
absl::StatusOr<Inference> PrepareInference(const Pipeline& pipeline,
                                           const std::shared_ptr<const inference::ModelInferRequest>& request,
                                           std::chrono::steady_clock::time_point arrival, absl::Time deadline);

// Runs every picture as a frame of its own. `done` is called exactly once, perhaps before this returns, when the
// pipeline holds none of the frames any more. The first error of a picture is the request's. Thread-safe.
void RunInference(Pipeline& pipeline, Inference inference, std::shared_ptr<CancellationToken> cancellation,
                  std::function<void(absl::StatusOr<inference::ModelInferResponse>)> done);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_INFERENCE_H_
