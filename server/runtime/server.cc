#include "server/runtime/server.h"

#include <chrono>
#include <functional>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/generated_message_reflection.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "server/api/status.h"
#include "server/runtime/cpu_quota.h"
#include "server/runtime/detector_executor.h"
#include "server/runtime/memory.h"

namespace bayespfl::server {
namespace {

// How long calls that are not ours (a health watch, a reflection stream) may go on when ours have ended.
constexpr std::chrono::seconds kForeignCallsGrace(1);

// IPv6 addresses are written in brackets before a port.
std::string JoinHostPort(const std::string& host, int port) {
  const bool brackets = absl::StrContains(host, ':') && host.front() != '[';
  return brackets ? absl::StrCat("[", host, "]:", port) : absl::StrCat(host, ":", port);
}

const std::string& HttpHost(const ServerConfig& config) {
  return config.http_host.empty() ? config.host : config.http_host;
}

PortSecurityOptions SecurityOptionsOf(const ServerConfig& config) {
  return {.host = config.host,
          .tls = {.tls_certificate = config.tls_certificate,
                  .tls_key = config.tls_key,
                  .tls_client_ca = config.tls_client_ca},
          .tokens_file = config.tokens_file,
          .allow_plaintext_tokens = config.allow_plaintext_tokens,
          .reload_interval = std::chrono::seconds(config.security_reload_seconds),
          .limits = {.max_streams = config.max_streams_per_client,
                     .max_frames_per_second = config.max_frames_per_second_per_client}};
}

PipelineOptions PipelineOptionsOf(const ServerConfig& config, std::shared_ptr<FaultInjector> faults,
                                  std::function<absl::Status(const std::string&)> admit) {
  return {.image_limits = {.max_bytes = config.max_image_bytes, .max_pixels = config.max_image_pixels},
          .max_frames_in_flight = config.max_frames_in_flight,
          .max_bytes_in_flight = config.max_bytes_in_flight,
          .max_decoded_bytes = config.max_decoded_bytes,
          .max_batch = config.max_batch,
          .max_delay = std::chrono::milliseconds(config.max_delay_milliseconds),
          .replicas = static_cast<int>(Devices(config).size()) * config.replicas,
          .decode_threads = config.decode_threads,
          .render_threads = config.render_threads,
          .faults = std::move(faults),
          .admit = std::move(admit)};
}

// Loads packages onto the configured devices. The calibration file belongs to the package that is configured with it.
ModelLoader LoaderOf(const ServerConfig& config) {
  return [config](const std::string& folder) -> absl::StatusOr<Replicas> {
    const std::vector<std::string> devices = Devices(config);
    const absl::Status fits = CheckMemory(folder, static_cast<int>(devices.size()), AvailableMemory());
    if (!fits.ok()) return fits;
    const std::string calibration = folder == config.model ? config.calibration : std::string();
    return DetectorExecutor::Load(folder, {.device = {}, .calibration_file = calibration}, devices, config.replicas);
  };
}

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionServer>> InspectionServer::Start(ServerOptions options) {
  if (options.logger == nullptr) {
    absl::StatusOr<Logger> silent = CreateLogger("off");
    if (!silent.ok()) return silent.status();
    options.logger = *std::move(silent);
  }
  options.config = WithThreads(std::move(options.config), AvailableCpus());
  if (!options.loader) {
    SetComputeThreads(options.config.compute_threads);
    options.loader = LoaderOf(options.config);
  }
  auto metrics = std::make_unique<Metrics>(BAYESPFL_VERSION);
  std::shared_ptr<FaultInjector> faults;
  if (!options.config.inject_faults.empty()) {
    options.logger->warn("faults are injected on purpose: {}", EscapeForLog(options.config.inject_faults));
    absl::StatusOr<std::shared_ptr<FaultInjector>> created = FaultInjector::Create(
        options.config.inject_faults, [observed = metrics.get()](Fault fault) { observed->CountFault(fault); });
    if (!created.ok()) return created.status();
    faults = *std::move(created);
  }
  auto server = std::unique_ptr<InspectionServer>(
      new InspectionServer(std::move(options), std::move(metrics), std::move(faults)));
  const absl::Status secured = server->Secure();
  if (!secured.ok()) return secured;
  const absl::Status listening = server->Listen();
  if (!listening.ok()) return listening;
  return server;
}

InspectionServer::InspectionServer(ServerOptions options, std::unique_ptr<Metrics> metrics,
                                   std::shared_ptr<FaultInjector> faults)
    : config_(std::move(options.config)),
      loader_(std::move(options.loader)),
      logger_(std::move(options.logger)),
      metrics_(std::move(metrics)),
      pipeline_(Pipeline::Create(PipelineOptionsOf(config_, std::move(faults),
                                                   [this](const std::string& client) { return AdmitFrame(client); }),
                                 *metrics_)) {
  CallOptions calls;
  calls.max_frames_per_stream = config_.max_frames_per_stream;
  calls.max_streams = config_.max_streams;
  calls.max_stream_age = absl::Seconds(config_.max_stream_age_seconds);
  calls.client_of = [this](const grpc::ServerContextBase& context) { return security_->IdentityOf(context).client; };
  calls.open_stream = [this](const std::string& client) { return security_->limits().OpenStream(client); };
  calls.on_call_finished = [this](absl::string_view method, const grpc::Status& status) {
    OnCallFinished(method, status);
  };
  calls.on_frame_rejected = [this](const absl::Status& status) { metrics_->OnFrameFinished(status, {}); };
  calls.on_streams_change = [this](int change) { metrics_->OnStreamsChange(change); };
  calls_ = std::make_unique<CallRegistry>(std::move(calls), *pipeline_);
  service_ = std::make_unique<InspectionService>(BAYESPFL_VERSION, *calls_);
  kserve_ = std::make_unique<KserveService>(BAYESPFL_VERSION, *calls_);
}

InspectionServer::~InspectionServer() { Shutdown(); }

absl::Status InspectionServer::Secure() {
  PortSecurityOptions options = SecurityOptionsOf(config_);
  options.on_call_refused = [this](absl::StatusCode code) {
    metrics_->CountRefusedCall(CodeName(static_cast<grpc::StatusCode>(code)));
  };
  absl::StatusOr<std::unique_ptr<PortSecurity>> security = PortSecurity::Create(std::move(options), logger_);
  if (!security.ok()) return security.status();
  security_ = *std::move(security);
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
  builder.AddListeningPort(address, security_->credentials(), &port_);
  builder.RegisterService(service_.get());
  builder.RegisterService(kserve_.get());
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr || port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " (gRPC): the address is in use, ",
                                               "not of this machine, or not permitted"));
  }
  SetServing(false);
  HttpHandlers handlers;
  handlers.metrics = [this] { return metrics_->Serialize(); };
  handlers.ready = [this] {
    {
      MutexLock lock(mu_);
      if (!loaded_.has_value()) return absl::UnavailableError("not all models are loaded yet");
    }
    return pipeline_->Ready();
  };
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
      HttpServer::Start(HttpHost(config_), config_.http_port, std::move(handlers));
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  store_ = std::make_unique<ModelStore>(StoreOptions());
  return absl::OkStatus();
}

absl::Status InspectionServer::AdmitFrame(const std::string& client) {
  absl::Duration retry_after;
  const absl::Status admitted = security_->limits().TakeFrame(client, retry_after);
  return admitted.ok() ? admitted : WithRetryInfo(admitted, retry_after);
}

ModelStoreOptions InspectionServer::StoreOptions() {
  ModelStoreOptions options;
  options.model = config_.model;
  options.model_root = config_.model_root;
  options.models = absl::StrSplit(config_.models, ',', absl::SkipWhitespace());
  options.default_model = config_.default_model;
  options.max_batch = config_.max_batch;
  options.loader = loader_;
  options.publish = [this](const ModelSet& models) {
    metrics_->SetModels(models);
    pipeline_->SetModels(models);
  };
  options.on_started = [this](const absl::Status& status) { OnStarted(status); };
  options.on_load = [this](const std::string& name, const absl::Status& status) { OnLoad(name, status); };
  return options;
}

void InspectionServer::OnLoad(const std::string& name, const absl::Status& status) {
  metrics_->CountLoad(status.ok());
  if (status.ok()) {
    logger_->info("model {} is loaded", EscapeForLog(name));
  } else {
    logger_->error("model {} cannot be loaded: {}", EscapeForLog(name), EscapeForLog(status.message()));
  }
}

// Until all models of the start serve, none does: a server that answers for some of them only is not ready.
void InspectionServer::OnStarted(const absl::Status& status) {
  MutexLock lock(mu_);
  if (status.ok() && !draining_) SetServing(true);
  loaded_ = status;
  changed_.NotifyAll();
}

void InspectionServer::OnCallFinished(absl::string_view method, const grpc::Status& status) {
  metrics_->CountRequest(method, CodeName(status.error_code()));
  if (status.error_code() == grpc::StatusCode::INTERNAL) {
    logger_->error("{} failed: {}", std::string(method), EscapeForLog(status.error_message()));
  }
}

void InspectionServer::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = grpc_->GetHealthCheckService();
  if (health == nullptr) return;
  health->SetServingStatus(std::string(InspectionService::FullName()), serving);
  health->SetServingStatus(std::string(KserveService::FullName()), serving);
  health->SetServingStatus("", serving);
}

std::string InspectionServer::grpc_address() const { return JoinHostPort(config_.host, port_); }
std::string InspectionServer::http_address() const { return JoinHostPort(HttpHost(config_), http_port()); }

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
  pipeline_->Drain();
  calls_->Drain();
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(config_.drain_timeout_seconds);
  const bool idle = calls_->WaitUntilIdle(deadline);
  if (!idle) logger_->warn("drain_timeout_seconds = {} passed; cancelling open calls", config_.drain_timeout_seconds);
  if (grpc_ != nullptr) {
    // GOAWAY goes out only now: once gRPC shuts down, it answers calls that are on their way with CANCELLED, which no
    // client retries, and not with the UNAVAILABLE of the contract.
    const auto grace = idle ? kForeignCallsGrace : std::chrono::seconds(0);
    grpc_->Shutdown(std::chrono::system_clock::now() + grace);  // cancels what is still open after it
  }
  pipeline_->Shutdown();
  store_.reset();
  http_.reset();
}

}  // namespace bayespfl::server
