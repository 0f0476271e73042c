#include "server/api/inspection_service.h"

#include <chrono>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "server/api/call_client.h"
#include "server/api/inspection_stream.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/translate.h"
#include "server/api/translate_result.h"
#include "server/api/unary_call.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

class InspectCall final : public UnaryCall {
 public:
  InspectCall(CallRegistry& calls, grpc::CallbackServerContext& context, size_t request_bytes,
              grpc::ByteBuffer& response)
      : UnaryCall(calls, "Inspect", context, request_bytes, response) {}

  void Start(grpc::ByteBuffer& bytes) {
    frame_.arrival = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectRequest>();
    const absl::Status parsed = ParseMessage(bytes, *message);
    if (!parsed.ok()) return Reject(parsed);
    absl::StatusOr<FrameRequest> frame = FrameFromProto(*message);
    frame_.metadata = std::move(*message->mutable_metadata());
    if (!frame.ok()) return Reject(frame.status());
    frame_.category = frame->options.category.category;
    const absl::Status permitted = CheckPriority(client(), frame->options.priority);
    if (!permitted.ok()) return Reject(permitted);
    frame->client = client().name;
    frame->arrival = frame_.arrival;
    frame->owner = std::move(message);
    frame->deadline = deadline();
    frame->cancellation = cancellation();
    frame_.timeline = calls().NewTimeline();
    frame->timeline = frame_.timeline;
    const absl::Status accepted =
        pipeline().Submit(*std::move(frame), [this](FrameResult result) { OnResult(std::move(result)); });
    if (!accepted.ok()) Fail(accepted);
  }

 private:
  RequestRecord RecordFor(const absl::Status& status) const override {
    return RequestOf(call(), frame_, status, status.ok() ? &result_ : nullptr);
  }

  void OnResult(FrameResult result) {
    if (!result.ok()) return Fail(result.status());
    result_ = result->inspection;
    v1::InspectResponse message = ToProto(*std::move(result));
    *message.mutable_metadata() = frame_.metadata;
    Succeed(message);
  }

  ReceivedFrame frame_;
  Inspection result_;  // of a call that succeeds
};

}  // namespace

absl::string_view InspectionService::FullName() { return v1::InspectionService::service_full_name(); }

InspectionService::InspectionService(v1::GetServerInfoResponse info, CallRegistry& calls)
    : info_(std::move(info)), calls_(calls) {}

grpc::ServerUnaryReactor* InspectionService::Inspect(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new InspectCall(calls_, *context, request->Length(), *response);  // deletes itself in OnDone()
  call->Start(RequestBytes(*request));
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectionService::InspectStream(
    grpc::CallbackServerContext* context) {
  return calls_.OpenStream<InspectionStream>("InspectStream", *context);
}

grpc::ServerUnaryReactor* InspectionService::ListModels(grpc::CallbackServerContext* context,
                                                        const v1::ListModelsRequest* /*request*/,
                                                        v1::ListModelsResponse* response) {
  const ModelSet models = calls_.pipeline().models();
  for (const auto& [name, model] : models.models) {
    *response->add_models() = ToProto(*model, name == models.default_model, Categories::kLeaveOut);
  }
  return Answer("ListModels", *context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InspectionService::GetModel(grpc::CallbackServerContext* context,
                                                      const v1::GetModelRequest* request,
                                                      v1::GetModelResponse* response) {
  const auto model = calls_.pipeline().FindModel(request->name());
  if (model.ok()) {
    const bool is_default = (*model)->name() == calls_.pipeline().models().default_model;
    *response->mutable_model() = ToProto(**model, is_default, Categories::kTell);
  }
  return Answer("GetModel", *context, model.status());
}

grpc::ServerUnaryReactor* InspectionService::GetServerInfo(grpc::CallbackServerContext* context,
                                                           const v1::GetServerInfoRequest* /*request*/,
                                                           v1::GetServerInfoResponse* response) {
  *response = info_;
  return Answer("GetServerInfo", *context, absl::OkStatus());
}

grpc::ServerUnaryReactor* InspectionService::Answer(absl::string_view method, grpc::CallbackServerContext& context,
                                                    const absl::Status& status) const {
  const CallRecord call = BeginCall(method, context);
  const grpc::Status answer = ToGrpcStatus(status);
  calls_.CountCall(call, answer);
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(answer);
  return reactor;
}

}  // namespace bayespfl::server
