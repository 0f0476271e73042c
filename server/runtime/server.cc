#include "server/runtime/server.h"
#include "model/detection/device_survey.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <opencv2/core/utility.hpp>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "base/cpu_quota.h"
#include "server/api/status.h"
#include "server/runtime/component_options.h"
#include "server/runtime/open_connections.h"
#include "server/runtime/server_info.h"
#include "server/security/client_identity.h"

namespace bayespfl::server {
namespace {

// How long calls that are not ours (a health watch, a reflection stream) may go on when ours have ended.
constexpr std::chrono::seconds kForeignCallsGrace(1);

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionServer>> InspectionServer::Start(ServerOptions options) {
  if (options.logger == nullptr) options.logger = SilentLogger();
  const bool asks_for_gpu = options.config.device == "auto";
  options.config =
      ForMachine(std::move(options.config), {.cpus = AvailableCpus(), .gpu_usable = asks_for_gpu && GpuUsable().ok()});
  if (!options.loader) {
    SetComputeThreads(options.config.compute_threads);
    // Bayer pictures and overlays go through OpenCV, whose own pool would take every processor for each of our threads.
    cv::setNumThreads(1);
    options.loader = LoaderOf(options.config, "/", options.logger);
  }
  absl::StatusOr<MetricsOptions> metrics_options = MetricsOptionsOf(options.config);
  if (!metrics_options.ok()) return metrics_options.status();
  metrics_options->logger = options.logger;
  auto metrics = std::make_unique<Metrics>(*metrics_options);
  absl::StatusOr<std::shared_ptr<FaultInjector>> faults = FaultsOf(options.config, *metrics, *options.logger);
  if (!faults.ok()) return faults.status();
  auto server = std::unique_ptr<InspectionServer>(
      new InspectionServer(std::move(options), std::move(metrics), *std::move(faults)));
  const absl::Status opened = server->Open();
  if (!opened.ok()) return opened;
  return server;
}

InspectionServer::InspectionServer(ServerOptions options, std::unique_ptr<Metrics> metrics,
                                   std::shared_ptr<FaultInjector> faults)
    : config_(std::move(options.config)),
      loader_(std::move(options.loader)),
      logger_(std::move(options.logger)),
      config_file_(std::move(options.config_file)),
      metrics_(std::move(metrics)),
      faults_(std::move(faults)),
      log_level_(logger_),
      settings_(config_, std::move(options.settings), std::move(options.read_settings), log_level_, logger_),
      load_report_(
          config_.device, [this](const std::string& name) { return pipeline_->model(name); }, *metrics_, logger_) {
  PipelineOptions pipeline = PipelineOptionsOf(config_);
  pipeline.faults = faults_;
  pipeline.state = state_;
  pipeline.on_replica_change = [this] { UpdateServing(); };
  pipeline.on_overdue = [this](const std::string& model, size_t replica, ReplicaWork work) {
    logger_->Error(work == ReplicaWork::kBatch ? "a device hangs" : "a rebuild takes long",
                   {{"model", model},
                    {"replica", static_cast<int64_t>(replica)},
                    {"seconds", int64_t{config_.max_batch_seconds}}});
  };
  pipeline.admit = [this](const std::string& client, size_t frames) { return AdmitFrames(client, frames); };
  pipeline_ = Pipeline::Create(pipeline, *metrics_);
  metrics_->SetProbes(Probes());
  calls_ = std::make_unique<CallRegistry>(MakeCallOptions(), *pipeline_);
  drain_ = std::make_unique<Drain>(*state_,
                                   DrainOptions{.delay = std::chrono::seconds(config_.drain_delay_seconds),
                                                .end_streams = [this] { calls_->EndStreams(); },
                                                .on_phase = [this] { UpdateServing(); }},
                                   logger_);
  service_ = std::make_unique<InspectionService>(ServerInfoOf(config_), *calls_);
  kserve_ = std::make_unique<KserveService>(
      KserveOptions{.server_version = BAYESPFL_VERSION, .list_models = [this] { return store_->List(); }}, *calls_);
}

InspectionServer::~InspectionServer() { Shutdown(); }

absl::Status InspectionServer::Open() {
  absl::Status status = Secure();
  if (status.ok()) status = KeepRecords();
  if (status.ok()) status = Listen();
  trimmer_ = std::make_unique<MemoryTrimmer>(MemoryTrimmerOptions{.quiet = [this] {
    return pipeline_->Ready().ok() && pipeline_->frames_in_flight() == 0 && calls_->unsent().bytes() == 0;
  }});
  return status;
}

CallOptions InspectionServer::MakeCallOptions() {
  CallOptions calls = CallOptionsOf(config_);
  calls.client_of = [this](const grpc::ServerContextBase& context) {
    const ClientIdentity identity = security_->IdentityOf(context);
    return CallClient{.name = identity.client, .high_priority = security_->CheckHighPriority(identity)};
  };
  calls.open_stream = [this](const std::string& client) { return security_->limits().OpenStream(client); };
  calls.on_call_finished = [this](const CallRecord& call, const grpc::Status& status) { OnCallFinished(call, status); };
  calls.on_frame_rejected = [this](const std::string& client, const absl::Status& status) {
    metrics_->CountRejectedFrame(client, status);
  };
  calls.on_request_answered = [this](const RequestRecord& request) { return records_->RequestAnswered(request); };
  calls.on_message = [this](const std::string& peer, size_t bytes) { connections_->NoteMessage(peer, bytes); };
  calls.on_streams_change = [this](int change) { metrics_->OnStreamsChange(change); };
  calls.on_unsent_bytes = [this](int64_t change) { metrics_->OnUnsentBytes(change); };
  return calls;
}

StateProbes InspectionServer::Probes() {
  return {.ready = [this] { return pipeline_->Ready().ok(); },
          .draining_since = [this] { return state_->draining_since(); },
          .connections = [this] { return connections_->Count(); },
          .calls = [this] { return call_counter_.Count(); },
          .incoming_bytes = [this] { return connections_->IncomingBytes(); },
          .log_queue_bytes = [this] { return logger_->queue_bytes(); },
          .log_lines_dropped = [this] { return logger_->lines_dropped(); }};
}

ClientUse InspectionServer::UseOf(const std::string& client) const {
  const Slots::Use inside = pipeline_->UseOf(client);
  ClientUse use{.frames_in_flight = inside.frames, .bytes_in_flight = inside.bytes, .streams_open = std::nullopt};
  if (config_.max_streams_per_client > 0) use.streams_open = security_->limits().OpenStreams(client);
  return use;
}

// Only these clients have series: their names are the operator's.
void InspectionServer::SetNamedClients(const std::vector<std::string>& names) {
  std::map<std::string, std::string> labels;
  for (const std::string& name : names) labels[absl::StrCat(kTokenClientPrefix, name)] = name;
  metrics_->SetClients(labels);
}

absl::Status InspectionServer::Secure() {
  PortSecurityOptions options = SecurityOptionsOf(config_);
  options.on_call_refused = [this](absl::StatusCode code) {
    metrics_->CountRefusedCall(CodeName(static_cast<grpc::StatusCode>(code)));
  };
  options.on_certificate = [this](absl::Time expiry) { metrics_->SetCertificateExpiry(expiry); };
  options.on_tokens = [this](const std::vector<std::string>& names) { SetNamedClients(names); };
  absl::StatusOr<std::unique_ptr<PortSecurity>> security = PortSecurity::Create(std::move(options), logger_);
  if (!security.ok()) return security.status();
  security_ = *std::move(security);
  metrics_->SetClientProbe([this](const std::string& client) { return UseOf(client); });
  return absl::OkStatus();
}

absl::Status InspectionServer::KeepRecords() {
  absl::StatusOr<std::unique_ptr<RecordKeeper>> records = RecordKeeper::Open(config_, *metrics_, faults_, logger_);
  if (!records.ok()) return records.status();
  records_ = *std::move(records);
  return absl::OkStatus();
}

absl::Status InspectionServer::Listen() {
  store_ = std::make_unique<ModelStore>(StoreOptions());  // before the ports, whose services ask it
  absl::Status status = ListenForInspection();
  if (status.ok()) status = ListenForHttp();
  if (status.ok()) status = ListenForAdministration();
  if (status.ok()) store_->Start();  // only now: a load cannot be interrupted
  return status;
}

absl::Status InspectionServer::ListenForInspection() {
  absl::StatusOr<std::unique_ptr<InspectionPort>> inspection =
      InspectionPort::Start({.host = config_.host,
                             .port = config_.port,
                             .max_message_bytes = MaxMessageBytes(config_),
                             .credentials = security_->credentials(),
                             .connections = ConnectionOptionsOf(config_),
                             .services = {{std::string(InspectionService::FullName()), service_.get()},
                                          {std::string(KserveService::FullName()), kserve_.get()}},
                             .table = connections_,
                             .events = PortEventsTo(*metrics_, logger_)});
  if (!inspection.ok()) return inspection.status();
  inspection_ = *std::move(inspection);
  return absl::OkStatus();
}

absl::Status InspectionServer::ListenForHttp() {
  HttpHandlers handlers;
  handlers.metrics = [this] { return metrics_->Serialize(); };
  handlers.ready = [this] { return pipeline_->Ready(); };
  handlers.startup = [this] { return state_->Started(); };
  handlers.live = [this] {
    const absl::Status healthy = pipeline_->Healthy();
    return healthy.ok() ? state_->Live() : healthy;
  };
  absl::StatusOr<std::unique_ptr<HttpServer>> http =
      HttpServer::Start(HttpHost(config_), config_.http_port, std::move(handlers));
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  return absl::OkStatus();
}

absl::Status InspectionServer::ListenForAdministration() {
  if (config_.admin_port < 0) return absl::OkStatus();
  AdminPortOptions options = {.port = config_.admin_port,
                              .security = SecurityOptionsOf(config_),
                              .connections = ConnectionOptionsOf(config_),
                              .control = Control(),
                              .on_call_finished = {},
                              .events = PortEventsTo(*metrics_, logger_)};
  options.security.host = config_.admin_host;
  options.security.on_call_refused = [this](absl::StatusCode code) {
    metrics_->CountRefusedCall(CodeName(static_cast<grpc::StatusCode>(code)));
  };
  options.on_call_finished = [this](const CallRecord& call, const grpc::Status& status) {
    OnCallFinished(call, status);
  };
  absl::StatusOr<std::unique_ptr<AdminPort>> admin = AdminPort::Start(std::move(options), *store_, logger_);
  if (!admin.ok()) return admin.status();
  admin_ = *std::move(admin);
  return absl::OkStatus();
}

ModelStoreOptions InspectionServer::StoreOptions() {
  ModelStoreOptions options = ModelStoreOptionsOf(config_);
  options.loader = loader_;
  options.publish = [this](const ModelSet& models) {
    metrics_->SetModels(models);
    pipeline_->SetModels(models);
    UpdateServing();
  };
  // Until all models of the start serve, none does: a server that answers for some of them only is not ready.
  options.on_started = [this](const absl::Status& status) {
    load_report_.Started(status);
    state_->NoteLoaded(status);
    UpdateServing();
  };
  options.on_load = [this](const std::string& name, const absl::Status& status, absl::Duration took) {
    load_report_.Loaded(name, status, took);
  };
  options.notes_of = [this](const std::string& name, size_t replicas) { return metrics_->NotesOf(name, replicas); };
  return options;
}

absl::Status InspectionServer::AdmitFrames(const std::string& client, size_t frames) {
  absl::Duration retry_after;
  const absl::Status admitted = security_->limits().TakeFrames(client, frames, retry_after);
  if (!absl::IsResourceExhausted(admitted)) return admitted;
  // Whole milliseconds, as in the trailer, so that nobody comes back a little too early.
  return WithRetryDelay(WithReason(admitted, ErrorReason::kRateLimited),
                        absl::Ceil(retry_after, absl::Milliseconds(1)));
}

void InspectionServer::OnCallFinished(const CallRecord& call, const grpc::Status& status) {
  records_->CallFinished(call,
                         absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message()));
}

void InspectionServer::UpdateServing() {
  MutexLock lock(serving_mu_);
  if (inspection_ != nullptr) inspection_->SetServing(pipeline_->Ready().ok());
}

std::string InspectionServer::grpc_address() const { return JoinHostPort(config_.host, port()); }
std::string InspectionServer::admin_address() const {
  return admin_ == nullptr ? std::string() : JoinHostPort(config_.admin_host, admin_->port());
}
std::string InspectionServer::http_address() const { return JoinHostPort(HttpHost(config_), http_port()); }

absl::Status InspectionServer::WaitUntilLoaded() {
  absl::Status loaded = state_->WaitUntilLoaded();
  UpdateServing();  // whoever was told of the load finds that the health service was told, too
  return loaded;
}

void InspectionServer::Audit(const ReceivedSignal& signal) const {
  security_->audit_log().Write({.who = "signal",
                                .role = "",
                                .peer = signal.sender,
                                .method = signal.name,
                                .outcome = CodeName(grpc::StatusCode::OK),
                                .target = ""});
}

void InspectionServer::Reload() {
  logger_->Info("reloading", {{"reloads", "log_level, tokens_file, tls_certificate, models and their calibration"},
                              {"restart_for", "every other setting"}});
  settings_.Reload();
  security_->ReloadNow();
  if (admin_ != nullptr) admin_->ReloadSecurityNow();
  store_->Reload([this](const absl::Status& status) {
    if (status.ok()) {
      logger_->Info("the models were loaded anew");
    } else {
      logger_->Error("a model could not be loaded anew; the old one serves on",
                     {{"error", std::string(status.message())}});
    }
  });
}

ServerControl InspectionServer::Control() {
  return {.log_level = [this] { return log_level_.state(); },
          .set_log_level =
              [this](std::optional<LogLevel> level, std::optional<std::chrono::milliseconds> duration) {
                return log_level_.Set(level, duration);
              },
          .drain = [this] { return DrainByHand(); },
          .configuration = [this] { return Configuration(); }};
}

EffectiveConfiguration InspectionServer::Configuration() {
  EffectiveConfiguration configuration;
  configuration.server_version = BAYESPFL_VERSION;
  configuration.config_file = config_file_;
  configuration.security = security_->files();
  configuration.settings = settings_.List();
  for (const ModelStatus& model : store_->List()) {
    if (model.info.has_value()) configuration.models.push_back({model.name, model.info->digest});
  }
  return configuration;
}

absl::StatusOr<DrainProgress> InspectionServer::DrainByHand() {
  const LifePhase phase = state_->phase();
  if (phase == LifePhase::kLoading || phase == LifePhase::kFailed) {
    return absl::FailedPreconditionError(
        absl::StrCat("the server is ", LifePhaseName(phase), " and takes no work yet; stop it instead"));
  }
  drain_->Begin();
  const CallRegistry::Open open = calls_->open();
  return DrainProgress{.phase = state_->phase(),
                       .frames_in_flight = pipeline_->frames_in_flight(),
                       .streams_open = open.streams,
                       .calls_open = open.calls};
}

void InspectionServer::Shutdown() {
  RequestStop();
  MutexLock shutdown_lock(shutdown_mu_);
  if (state_->phase() == LifePhase::kStopped) return;
  drain_->Begin();
  drain_->Wait();
  WaitUntilAnswered();
  state_->NoteStopped();
}

// The second half of a stop.
void InspectionServer::WaitUntilAnswered() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(config_.drain_timeout_seconds);
  const bool idle = calls_->WaitUntilIdle(deadline);
  if (!idle) {
    logger_->Warning("drain_timeout_seconds passed; open calls are cancelled",
                     {{"seconds", int64_t{config_.drain_timeout_seconds}}});
  }
  if (inspection_ != nullptr) {
    // GOAWAY goes out only now: once gRPC shuts down, it answers calls that are on their way with CANCELLED, which no
    // client retries, and not with the UNAVAILABLE of the contract.
    inspection_->Shutdown(idle ? kForeignCallsGrace : std::chrono::seconds(0));
  }
  pipeline_->Shutdown();
  trimmer_.reset();
  if (records_ != nullptr) records_->Close();
  if (store_ != nullptr) store_->Stop();  // so that no call of the administration waits for it
  admin_.reset();
  http_.reset();
}

}  // namespace bayespfl::server
