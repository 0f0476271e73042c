#include "server/runtime/server.h"

#include <chrono>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/generated_message_reflection.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server_builder.h"
#include "server/api/status.h"
#include "server/runtime/cpu_quota.h"
#include "server/runtime/detector_executor.h"

namespace bayespfl::server {
namespace {

// How long calls that are not ours (a health watch, a reflection stream) may go on when ours have ended.
constexpr std::chrono::seconds kForeignCallsGrace(1);

// IPv6 addresses are written in brackets before a port.
std::string JoinHostPort(const std::string& host, int port) {
  const bool brackets = absl::StrContains(host, ':') && host.front() != '[';
  return brackets ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

// `name` is one of the setting's choices.
FsyncPolicy FsyncPolicyOf(absl::string_view name) {
  if (name == "never") return FsyncPolicy::kNever;
  return name == "always" ? FsyncPolicy::kAlways : FsyncPolicy::kInterval;
}

PipelineOptions PipelineOptionsOf(const ServerConfig& config) {
  return {.image_limits = {.max_bytes = config.max_image_bytes, .max_pixels = config.max_image_pixels},
          .max_frames_in_flight = config.max_frames_in_flight,
          .max_bytes_in_flight = config.max_bytes_in_flight,
          .max_decoded_bytes = config.max_decoded_bytes,
          .max_batch = config.max_batch,
          .max_delay = std::chrono::milliseconds(config.max_delay_milliseconds),
          .replicas = static_cast<int>(Devices(config).size()) * config.replicas,
          .decode_threads = config.decode_threads,
          .render_threads = config.render_threads};
}

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionServer>> InspectionServer::Start(ServerOptions options) {
  if (options.logger == nullptr) options.logger = SilentLogger();
  options.config = WithThreads(std::move(options.config), AvailableCpus());
  if (!options.loader) {
    SetComputeThreads(options.config.compute_threads);
    options.loader = [config = options.config] {
      return DetectorExecutor::Load(config.model, {.device = {}, .calibration_file = config.calibration},
                                    Devices(config), config.replicas);
    };
  }
  auto server = std::unique_ptr<InspectionServer>(new InspectionServer(std::move(options)));
  absl::Status status = server->OpenResultLog();
  if (status.ok()) status = server->Listen();
  if (!status.ok()) return status;
  return server;
}

InspectionServer::InspectionServer(ServerOptions options)
    : config_(std::move(options.config)),
      loader_(std::move(options.loader)),
      logger_(std::move(options.logger)),
      events_(logger_, {.max_lines = config_.log_max_repeats}),
      metrics_(BAYESPFL_VERSION),
      pipeline_(Pipeline::Create(PipelineOptionsOf(config_), metrics_)) {
  ServiceOptions service;
  service.max_frames_per_stream = config_.max_frames_per_stream;
  service.max_streams = config_.max_streams;
  service.max_stream_age = absl::Seconds(config_.max_stream_age_seconds);
  service.server_version = BAYESPFL_VERSION;
  service.on_call_finished = [this](const CallRecord& call, const grpc::Status& status) {
    OnCallFinished(call, status);
  };
  service.on_frame_rejected = [this](const absl::Status& status) { metrics_.OnFrameFinished(status, {}); };
  service.on_frame_answered = [this](const FrameRecord& frame) { OnFrameAnswered(frame); };
  service_ = std::make_unique<InspectionService>(std::move(service), *pipeline_);
}

InspectionServer::~InspectionServer() { Shutdown(); }

absl::Status InspectionServer::OpenResultLog() {
  if (config_.result_log.empty()) return absl::OkStatus();
  ResultSinkOptions options;
  options.file = {
      .path = config_.result_log, .max_bytes = config_.result_log_max_bytes, .files = config_.result_log_files};
  options.fsync = FsyncPolicyOf(config_.result_log_fsync);
  options.error_lines.max_lines = config_.log_max_repeats;
  options.on_line = [this](ResultLine what) { metrics_.CountResultLine(what); };
  options.on_queue_bytes = [this](int64_t change) { metrics_.OnResultQueueChange(change); };
  absl::StatusOr<std::unique_ptr<ResultSink>> sink = ResultSink::Create(std::move(options), logger_);
  if (!sink.ok()) {
    return absl::Status(sink.status().code(), absl::StrCat("result_log: ", sink.status().message()));
  }
  results_ = *std::move(sink);
  return absl::OkStatus();
}

absl::Status InspectionServer::Listen() {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  // gRPC's own health service carries no descriptor; without it reflection lists the service but cannot describe it.
  google::protobuf::LinkMessageReflection<grpc::health::v1::HealthCheckRequest>();
  grpc::ServerBuilder builder;
  // The default shares the port with other processes, so that a second server would start unnoticed.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  builder.SetMaxReceiveMessageSize(static_cast<int>(config_.max_image_bytes + kMessageOverheadBytes));
  builder.SetMaxSendMessageSize(-1);
  const std::string address = JoinHostPort(config_.host, config_.port);
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port_);
  builder.RegisterService(service_.get());
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr || port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " (gRPC): the address is in use, ",
                                               "not of this machine, or not permitted"));
  }
  SetServing(false);
  HttpHandlers handlers;
  handlers.metrics = [this] { return metrics_.Serialize(); };
  handlers.ready = [this] { return pipeline_->Ready(); };
  handlers.startup = [this] {
    MutexLock lock(mu_);
    return loaded_.value_or(absl::UnavailableError("the model is loading"));
  };
  handlers.live = [this] {
    const absl::Status healthy = pipeline_->Healthy();
    if (!healthy.ok()) return healthy;
    MutexLock lock(mu_);
    return loaded_.value_or(absl::OkStatus());  // a model that is being loaded is no reason to restart
  };
  absl::StatusOr<std::unique_ptr<HttpServer>> http =
      HttpServer::Start(config_.host, config_.http_port, std::move(handlers));
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  store_ = std::make_unique<ModelStore>(loader_, config_.max_batch,
                                        [this](absl::StatusOr<Replicas> replicas) { OnLoaded(std::move(replicas)); });
  return absl::OkStatus();
}

void InspectionServer::OnLoaded(absl::StatusOr<Replicas> replicas) {
  if (replicas.ok()) {
    const ModelInfo& info = replicas->front()->info();
    events_.SetModel(absl::StrCat(info.name, " ", info.version));
    metrics_.SetModel(replicas->front()->info());
    pipeline_->SetReplicas(*replicas);
  }
  LogLoaded(replicas);
  MutexLock lock(mu_);
  if (replicas.ok() && !draining_) SetServing(true);
  loaded_ = replicas.status();
  changed_.NotifyAll();
}

void InspectionServer::LogLoaded(const absl::StatusOr<Replicas>& replicas) const {
  if (!replicas.ok()) {
    logger_->Error("the model cannot be used", {{"code", absl::StatusCodeToString(replicas.status().code())},
                                                {"error", std::string(replicas.status().message())}});
    return;
  }
  const ModelInfo& info = replicas->front()->info();
  logger_->Info("the model is ready", {{"model", absl::StrCat(info.name, " ", info.version)},
                                       {"device", info.device},
                                       {"replicas", uint64_t{replicas->size()}}});
}

void InspectionServer::OnCallFinished(const CallRecord& call, const grpc::Status& status) {
  metrics_.CountRequest(call.method, CodeName(status.error_code()));
  events_.CallFinished(call, absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
}

void InspectionServer::OnFrameAnswered(const FrameRecord& frame) {
  events_.FrameAnswered(frame);
  if (results_ != nullptr) results_->Write(frame);
}

void InspectionServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = grpc_->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus(std::string(InspectionService::FullName()), serving);
  health->SetServingStatus("", serving);
}

std::string InspectionServer::grpc_address() const { return JoinHostPort(config_.host, port_); }
std::string InspectionServer::http_address() const { return JoinHostPort(config_.host, http_port()); }

absl::Status InspectionServer::WaitUntilLoaded() {
  MutexLock lock(mu_);
  while (!loaded_.has_value() && !stop_requested_) changed_.Wait(mu_);
  return loaded_.value_or(absl::CancelledError("stopped while the model was loading"));
}

void InspectionServer::RequestStop() {
  MutexLock lock(mu_);
  stop_requested_ = true;
  changed_.NotifyAll();
}

void InspectionServer::WaitForStopRequest() {
  MutexLock lock(mu_);
  while (!stop_requested_) changed_.Wait(mu_);
}

void InspectionServer::Shutdown() {
  RequestStop();
  MutexLock shutdown_lock(shutdown_mu_);
  if (std::exchange(stopped_, true)) return;
  {
    MutexLock lock(mu_);
    draining_ = true;
    if (grpc_ != nullptr) SetServing(false);
  }
  logger_->Info("draining");
  pipeline_->Drain();
  service_->Drain();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(config_.drain_timeout_seconds);
  const bool idle = service_->WaitUntilIdle(deadline);
  if (!idle) {
    logger_->Warning("drain_timeout_seconds passed; open calls are cancelled",
                     {{"seconds", int64_t{config_.drain_timeout_seconds}}});
  }
  if (grpc_ != nullptr) {
    // GOAWAY goes out only now: once gRPC shuts down, it answers calls that are on their way with CANCELLED, which no
    // client retries, and not with the UNAVAILABLE of the contract.
    const auto grace = idle ? kForeignCallsGrace : std::chrono::seconds(0);
    grpc_->Shutdown(std::chrono::system_clock::now() + grace);  // cancels what is still open after it
  }
  pipeline_->Shutdown();
  if (results_ != nullptr) results_->Flush();
  store_.reset();
  http_.reset();
}

}  // namespace bayespfl::server
