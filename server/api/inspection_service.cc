#include "server/api/inspection_service.h"

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "server/api/inspection_stream.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/translate.h"
#include "server/api/unary_call.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

class InspectCall final : public UnaryCall {
 public:
  InspectCall(CallRegistry& calls, grpc::CallbackServerContext& context, grpc::ByteBuffer& response)
      : UnaryCall(calls, "Inspect", context, response) {}

  void Start(const grpc::ByteBuffer& bytes) {
    frame_.arrival = std::chrono::steady_clock::now();
    auto message = std::make_shared<v1::InspectRequest>();
    grpc::ByteBuffer copy(bytes);  // shares the slices
    const absl::Status parsed = ParseMessage(copy, *message);
    if (!parsed.ok()) return Reject(parsed);
    absl::StatusOr<FrameRequest> frame = FrameFromProto(*message);
    frame_.metadata = std::move(*message->mutable_metadata());
    if (!frame.ok()) return Reject(frame.status());
    frame_.category = frame->options.category;
    frame->client = client();
    frame->arrival = frame_.arrival;
    frame->owner = std::move(message);
    frame->deadline = deadline();
    frame->cancellation = cancellation();
    const absl::Status accepted =
        pipeline().Submit(*std::move(frame), [this](FrameResult result) { OnResult(std::move(result)); });
    if (!accepted.ok()) Fail(accepted);
  }

 private:
  void OnEnding(const absl::Status& status) override {
    calls().RecordFrame(RecordOf(call(), frame_, status, status.ok() ? finding_ : std::nullopt));
  }

  void OnResult(FrameResult result) {
    if (!result.ok()) return Fail(result.status());
    finding_ = FindingOf(*result);
    v1::InspectResponse message = ToProto(*std::move(result));
    *message.mutable_metadata() = frame_.metadata;
    Succeed(message);
  }

  ReceivedFrame frame_;
  std::optional<FrameFinding> finding_;
};

}  // namespace

absl::string_view InspectionService::FullName() { return v1::InspectionService::service_full_name(); }

InspectionService::InspectionService(std::string server_version, CallRegistry& calls)
    : server_version_(std::move(server_version)), calls_(calls) {}

grpc::ServerUnaryReactor* InspectionService::Inspect(grpc::CallbackServerContext* context,
                                                     const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new InspectCall(calls_, *context, *response);  // deletes itself in OnDone()
  call->Start(*request);
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectionService::InspectStream(
    grpc::CallbackServerContext* context) {
  return calls_.OpenStream<InspectionStream>("InspectStream", *context);
}

grpc::ServerUnaryReactor* InspectionService::GetModelInfo(grpc::CallbackServerContext* context,
                                                          const v1::GetModelInfoRequest* request,
                                                          v1::GetModelInfoResponse* response) {
  const CallRecord call = BeginCall("GetModelInfo", *context);
  const auto model = calls_.pipeline().FindModel(request->model());
  const grpc::Status status = ToGrpcStatus(model.status());
  if (model.ok()) *response = ToProto(**model, server_version_);
  calls_.CountCall(call, status);
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  reactor->Finish(status);
  return reactor;
}

}  // namespace bayespfl::server
