#include "server/api/kserve_service.h"

#include <array>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/api/kserve_inference.h"
#include "server/api/kserve_models.h"
#include "server/api/kserve_stream.h"
#include "server/api/kserve_translate.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/unary_call.h"
#include "server/api/wire.h"
#include "server/pipeline/error_reason.h"

namespace bayespfl::server {
namespace {

// By Triton's names: its clients ask for a model's statistics only where the server says that it has them.
constexpr std::array<const char*, 3> kExtensions = {"model_configuration", "parameters", "statistics"};

class ModelInferCall final : public UnaryCall {
 public:
  ModelInferCall(CallRegistry& calls, const KserveBackend& backend, grpc::CallbackServerContext& context,
                 size_t request_bytes, grpc::ByteBuffer& response)
      : UnaryCall(calls, "ModelInfer", context, request_bytes, response), backend_(backend) {}

  void Start(grpc::ByteBuffer& bytes) {
    request_.arrival = std::chrono::steady_clock::now();
    auto request = std::make_shared<inference::ModelInferRequest>();
    const absl::Status parsed = ParseMessage(bytes, *request);
    if (!parsed.ok()) return Reject(parsed);
    request_.metadata.set_frame_id(request->id());
    absl::StatusOr<Inference> inference = PrepareInference(backend_, request, client(), request_.arrival, deadline());
    if (!inference.ok()) return Reject(inference.status());
    request.reset();  // the frames own what they need
    timelines_ = AddTimelines([this] { return calls().NewTimeline(); }, *inference);
    RunInference(backend_, *std::move(inference), cancellation(),
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

  const KserveBackend& backend_;
  ReceivedFrame request_;
  Timelines timelines_;
  const absl::StatusOr<InferenceReply>* reply_ = nullptr;  // of a call that succeeds
};

}  // namespace

absl::string_view KserveService::FullName() { return inference::GRPCInferenceService::service_full_name(); }

KserveService::KserveService(KserveOptions options, CallRegistry& calls)
    : options_(std::move(options)), calls_(calls), backend_{.pipeline = calls.pipeline(), .statistics = statistics_} {}

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
  response->set_version(options_.server_version);
  for (const char* extension : kExtensions) response->add_extensions(extension);
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

grpc::ServerUnaryReactor* KserveService::ModelConfig(grpc::CallbackServerContext* context,
                                                     const inference::ModelConfigRequest* request,
                                                     inference::ModelConfigResponse* response) {
  const auto model = FindServedModel(calls_.pipeline(), request->name(), request->version());
  if (model.ok()) *response->mutable_config() = ConfigToProto(**model);
  return Answer("ModelConfig", model.status(), *context);
}

// Without a name: of every model.
grpc::ServerUnaryReactor* KserveService::ModelStatistics(grpc::CallbackServerContext* context,
                                                         const inference::ModelStatisticsRequest* request,
                                                         inference::ModelStatisticsResponse* response) {
  if (request->name().empty() && request->version().empty()) {
    for (const auto& [name, model] : calls_.pipeline().models().models) {
      *response->add_model_stats() = statistics_.StatisticsOf(model);
    }
    return Answer("ModelStatistics", absl::OkStatus(), *context);
  }
  const auto model = FindServedModel(calls_.pipeline(), request->name(), request->version());
  if (model.ok()) *response->add_model_stats() = statistics_.StatisticsOf(*model);
  return Answer("ModelStatistics", model.status(), *context);
}

grpc::ServerUnaryReactor* KserveService::RepositoryIndex(grpc::CallbackServerContext* context,
                                                         const inference::RepositoryIndexRequest* request,
                                                         inference::RepositoryIndexResponse* response) {
  if (!request->repository_name().empty()) {
    return Answer("RepositoryIndex",
                  InvalidField("repository_name", "is given; the only repository has no name, so leave it empty"),
                  *context);
  }
  *response = IndexToProto(options_.list_models(), calls_.pipeline(), request->ready());
  return Answer("RepositoryIndex", absl::OkStatus(), *context);
}

grpc::ServerUnaryReactor* KserveService::ModelInfer(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request, grpc::ByteBuffer* response) {
  // Deletes itself in OnDone().
  auto* call = new ModelInferCall(calls_, backend_, *context, request->Length(), *response);
  call->Start(RequestBytes(*request));
  return call;
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* KserveService::ModelStreamInfer(
    grpc::CallbackServerContext* context) {
  return calls_.OpenStream<KserveStream>("ModelStreamInfer", *context, backend_);
}

}  // namespace bayespfl::server
