#include "server/api/kserve_service.h"

#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/api/kserve_inference.h"
#include "server/api/kserve_stream.h"
#include "server/api/kserve_translate.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/unary_call.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

class ModelInferCall final : public UnaryCall {
 public:
  ModelInferCall(CallRegistry& calls, grpc::CallbackServerContext& context, size_t request_bytes,
                 grpc::ByteBuffer& response)
      : UnaryCall(calls, "ModelInfer", context, request_bytes, response) {}

  void Start(grpc::ByteBuffer& bytes) {
    request_.arrival = std::chrono::steady_clock::now();
    auto request = std::make_shared<inference::ModelInferRequest>();
    const absl::Status parsed = ParseMessage(bytes, *request);
    if (!parsed.ok()) return Reject(parsed);
    request_.metadata.set_frame_id(request->id());
    absl::StatusOr<Inference> inference = PrepareInference(pipeline(), request, client(), request_.arrival, deadline());
    if (!inference.ok()) return Reject(inference.status());
    request.reset();  // the frames own what they need
    timelines_ = AddTimelines([this] { return calls().NewTimeline(); }, *inference);
    RunInference(pipeline(), *std::move(inference), cancellation(),
                 [this](const absl::StatusOr<InferenceReply>& reply) { OnReply(reply); });
  }

 private:
  void OnReply(const absl::StatusOr<InferenceReply>& reply) {
    if (!reply.ok()) return Fail(reply.status());
    reply_ = &reply;
    Succeed(reply->message);
  }

  RequestRecord RecordFor(const absl::Status& status) const override {
    if (!status.ok()) return RequestOf(call(), request_, timelines_, status);
    return RequestOf(call(), request_, timelines_, *reply_);
  }

  ReceivedFrame request_;
  Timelines timelines_;
  const absl::StatusOr<InferenceReply>* reply_ = nullptr;  // of a call that succeeds
};

}  // namespace

absl::string_view KserveService::FullName() { return inference::GRPCInferenceService::service_full_name(); }

KserveService::KserveService(std::string server_version, CallRegistry& calls)
    : server_version_(std::move(server_version)), calls_(calls) {}

grpc::ServerUnaryReactor* KserveService::Answer(absl::string_view method, const absl::Status& status,
                                                grpc::CallbackServerContext& context) const {
  const grpc::Status grpc_status = ToGrpcStatus(status);
  calls_.CountCall(BeginCall(method, context), grpc_status);
  grpc::ServerUnaryReactor* reactor = context.DefaultReactor();
  reactor->Finish(grpc_status);
  return reactor;
}

grpc::ServerUnaryReactor* KserveService::ServerLive(grpc::CallbackServerContext* context,
                                                    const inference::ServerLiveRequest* /*request*/,
                                                    inference::ServerLiveResponse* response) {
  response->set_live(calls_.pipeline().Healthy().ok());
  return Answer("ServerLive", absl::OkStatus(), *context);
}

grpc::ServerUnaryReactor* KserveService::ServerReady(grpc::CallbackServerContext* context,
                                                     const inference::ServerReadyRequest* /*request*/,
                                                     inference::ServerReadyResponse* response) {
  response->set_ready(calls_.pipeline().Ready().ok());
  return Answer("ServerReady", absl::OkStatus(), *context);
}

grpc::ServerUnaryReactor* KserveService::ServerMetadata(grpc::CallbackServerContext* context,
                                                        const inference::ServerMetadataRequest* /*request*/,
                                                        inference::ServerMetadataResponse* response) {
  response->set_name("bayespfl-server");
  response->set_version(server_version_);
  return Answer("ServerMetadata", absl::OkStatus(), *context);
}

grpc::ServerUnaryReactor* KserveService::ModelReady(grpc::CallbackServerContext* context,
                                                    const inference::ModelReadyRequest* request,
                                                    inference::ModelReadyResponse* response) {
  const auto model = FindServedModel(calls_.pipeline(), request->name(), request->version());
  response->set_ready(model.ok());
  // A model that is loading, draining or out of order is known and not ready.
  const absl::Status known = absl::IsNotFound(model.status()) ? model.status() : absl::OkStatus();
  return Answer("ModelReady", known, *context);
}

grpc::ServerUnaryReactor* KserveService::ModelMetadata(grpc::CallbackServerContext* context,
                                                       const inference::ModelMetadataRequest* request,
                                                       inference::ModelMetadataResponse* response) {
  const auto model = FindServedModel(calls_.pipeline(), request->name(), request->version());
  if (model.ok()) *response = MetadataToProto(**model);
  return Answer("ModelMetadata", model.status(), *context);
}

grpc::ServerUnaryReactor* KserveService::ModelInfer(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  auto* call = new ModelInferCall(calls_, *context, request->Length(), *response);  // deletes itself in OnDone()
  call->Start(RequestBytes(*request));
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* KserveService::ModelStreamInfer(
    grpc::CallbackServerContext* context) {
  return calls_.OpenStream<KserveStream>("ModelStreamInfer", *context);
}

}  // namespace bayespfl::server
