#include "server/api/kserve_inference.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "server/api/frame_group.h"
#include "server/pipeline/refusal.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

absl::Duration Since(SteadyTime time) { return absl::FromChrono(std::chrono::steady_clock::now() - time); }

absl::StatusOr<InferenceReply> MakeReply(const std::string& id, const std::vector<KserveOutput>& outputs,
                                         GroupResult result) {
  if (!result.ok()) return result.status();
  InferenceReply reply;
  for (const InspectionOutcome& outcome : *result) {
    reply.results.push_back(outcome.inspection);
    reply.executions += 1.0 / outcome.batch;
  }
  absl::StatusOr<inference::ModelInferResponse> message = ReplyToProto(id, outputs, *std::move(result));
  if (!message.ok()) return message.status();
  reply.message = *std::move(message);
  return reply;
}

}  // namespace

absl::StatusOr<std::shared_ptr<ServedModel>> FindServedModel(const Pipeline& pipeline, absl::string_view name,
                                                             absl::string_view version) {
  absl::StatusOr<std::shared_ptr<ServedModel>> model = pipeline.FindModel(name);
  if (!model.ok()) return model;
  if (name.empty()) {
    return WithRefusal(absl::NotFoundError("the request names no model"), Refusal::kUnknownModel);
  }
  const absl::Status right = CheckVersion(**model, version);
  if (!right.ok()) return WithRefusal(right, Refusal::kUnknownModel);
  return model;
}

absl::StatusOr<Inference> PrepareInference(const KserveBackend& backend,
                                           const std::shared_ptr<const inference::ModelInferRequest>& request,
                                           const CallClient& client, std::chrono::steady_clock::time_point arrival,
                                           absl::Time deadline) {
  const auto model = FindServedModel(backend.pipeline, request->model_name(), request->model_version());
  if (!model.ok()) return model.status();
  absl::StatusOr<Inference> inference = InferenceFromProto(request, backend.pipeline.options());
  absl::Status may_run = inference.status();
  if (may_run.ok()) may_run = CheckPriority(client, inference->frames.front().options.priority);
  if (!may_run.ok()) {
    backend.statistics.NoteFailed(*model, Since(arrival));
    return may_run;
  }
  for (FrameRequest& frame : inference->frames) {
    frame.model = *model;
    frame.client = client.name;
    frame.arrival = arrival;
    frame.deadline = std::min(frame.deadline, deadline);
  }
  return inference;
}

Timelines AddTimelines(const std::function<std::shared_ptr<FrameTimeline>()>& make, Inference& inference) {
  Timelines timelines;
  for (FrameRequest& frame : inference.frames) {
    frame.timeline = make();
    if (frame.timeline != nullptr) timelines.push_back(frame.timeline);
  }
  return timelines;
}

RequestRecord RequestOf(const CallRecord& call, const ReceivedFrame& request, const Timelines& timelines,
                        const absl::StatusOr<InferenceReply>& reply) {
  RequestRecord record{.arrival = request.arrival, .frames = {}, .timelines = timelines};
  if (!reply.ok()) {
    record.frames.push_back(RecordOf(call, request, reply.status(), nullptr));
    return record;
  }
  ReceivedFrame frame = request;
  for (const Inspection& result : reply->results) {
    frame.category = result.category;
    record.frames.push_back(RecordOf(call, frame, absl::OkStatus(), &result));
  }
  return record;
}

void RunInference(const KserveBackend& backend, Inference inference, std::shared_ptr<CancellationToken> cancellation,
                  std::function<void(absl::StatusOr<InferenceReply>)> done) {
  const std::shared_ptr<const ServedModel> model = inference.frames.front().model;
  const SteadyTime arrival = inference.frames.front().arrival;
  SubmitGroup(backend.pipeline, std::move(inference.frames), kMaxReplyTensorBytes, std::move(cancellation),
              [id = std::move(inference.id), outputs = std::move(inference.outputs), model, arrival,
               &statistics = backend.statistics, done = std::move(done)](GroupResult result) {
                absl::StatusOr<InferenceReply> reply = MakeReply(id, outputs, std::move(result));
                if (reply.ok()) {
                  statistics.NoteAnswered(model, reply->results, reply->executions, Since(arrival));
                } else {
                  statistics.NoteFailed(model, Since(arrival));
                }
                done(std::move(reply));
              });
}

}  // namespace bayespfl::server
