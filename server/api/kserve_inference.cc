#include "server/api/kserve_inference.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "server/api/frame_group.h"

namespace bayespfl::server {

absl::StatusOr<Inference> PrepareInference(const Pipeline& pipeline,
                                           const std::shared_ptr<const inference::ModelInferRequest>& request,
                                           std::chrono::steady_clock::time_point arrival, absl::Time deadline) {
  const absl::Status ready = pipeline.Ready();
  if (!ready.ok()) return ready;
  const absl::Status known = CheckModel(pipeline.executor()->info(), request->model_name(), request->model_version());
  if (!known.ok()) return known;
  absl::StatusOr<Inference> inference = InferenceFromProto(request, pipeline.options().max_frames_in_flight);
  if (!inference.ok()) return inference;
  for (FrameRequest& frame : inference->frames) {
    frame.arrival = arrival;
    frame.deadline = std::min(frame.deadline, deadline);
  }
  return inference;
}

void RunInference(Pipeline& pipeline, Inference inference, std::shared_ptr<CancellationToken> cancellation,
                  std::function<void(absl::StatusOr<inference::ModelInferResponse>)> done) {
  SubmitGroup(pipeline, std::move(inference.frames), std::move(cancellation),
              [id = std::move(inference.id), outputs = std::move(inference.outputs), executor = pipeline.executor(),
               done = std::move(done)](GroupResult result) {
                if (!result.ok()) return done(result.status());
                done(ReplyToProto(id, outputs, executor->info(), *std::move(result)));
              });
}

}  // namespace bayespfl::server
