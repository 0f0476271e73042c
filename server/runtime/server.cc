#include "server/runtime/server.h"

#include <chrono>
#include <map>
#include <opencv2/core/utility.hpp>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "base/cpu_quota.h"
#include "google/protobuf/generated_message_reflection.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "model/detection/device_survey.h"
#include "server/api/status.h"
#include "server/pipeline/steady_time.h"
#include "server/runtime/component_options.h"
#include "server/runtime/open_connections.h"
#include "server/runtime/server_info.h"
#include "server/security/client_identity.h"
#include "server/telemetry/trace_metrics.h"

namespace bayespfl::server {
namespace {

// How long calls that are not ours (a health watch, a reflection stream) may go on when ours have ended.
constexpr std::chrono::seconds kForeignCallsGrace(1);

constexpr absl::string_view kLogLevelKey = "log_level";

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionServer>> InspectionServer::Start(ServerOptions options) {
  if (options.logger == nullptr) options.logger = SilentLogger();
  options.config = WithThreads(std::move(options.config), AvailableCpus());
  if (!options.loader) {
    SetComputeThreads(options.config.compute_threads);
    // Bayer pictures and overlays go through OpenCV, whose own pool would take every processor for each of our threads.
    cv::setNumThreads(1);
    options.loader = LoaderOf(options.config);
  }
  absl::StatusOr<MetricsOptions> metrics_options = MetricsOptionsOf(options.config);
  if (!metrics_options.ok()) return metrics_options.status();
  metrics_options->logger = options.logger;
  auto metrics = std::make_unique<Metrics>(*metrics_options);
  std::shared_ptr<FaultInjector> faults;
  if (!options.config.inject_faults.empty()) {
    absl::StatusOr<std::shared_ptr<FaultInjector>> created = FaultInjector::Create(
        options.config.inject_faults, [observed = metrics.get()](Fault fault) { observed->CountFault(fault); });
    if (!created.ok()) return created.status();
    faults = *std::move(created);
    options.logger->Warning("faults are injected on purpose", {{"faults", options.config.inject_faults}});
  }
  auto server = std::unique_ptr<InspectionServer>(
      new InspectionServer(std::move(options), std::move(metrics), std::move(faults)));
  absl::Status status = server->Secure();
  if (status.ok()) status = server->OpenResultLog();
  if (status.ok()) status = server->OpenTraces();
  if (status.ok()) status = server->Listen();
  if (!status.ok()) return status;
  return server;
}

InspectionServer::InspectionServer(ServerOptions options, std::unique_ptr<Metrics> metrics,
                                   std::shared_ptr<FaultInjector> faults)
    : config_(std::move(options.config)),
      loader_(std::move(options.loader)),
      logger_(std::move(options.logger)),
      events_(logger_, {.max_lines = config_.log_max_repeats}),
      metrics_(std::move(metrics)),
      faults_(std::move(faults)),
      config_file_(std::move(options.config_file)),
      read_settings_(std::move(options.read_settings)),
      log_level_(std::make_unique<LogLevelControl>(logger_)),
      settings_(std::move(options.settings)) {
  PipelineOptions pipeline = PipelineOptionsOf(config_);
  pipeline.faults = faults_;
  pipeline.state = state_;
  pipeline.on_replica_lost = [this] { UpdateServing(); };
  pipeline.admit = [this](const std::string& client, size_t frames) { return AdmitFrames(client, frames); };
  pipeline_ = Pipeline::Create(pipeline, *metrics_);
  metrics_->SetProbes(Probes());
  calls_ = std::make_unique<CallRegistry>(MakeCallOptions(), *pipeline_);
  service_ = std::make_unique<InspectionService>(ServerInfoOf(config_), *calls_);
  kserve_ = std::make_unique<KserveService>(BAYESPFL_VERSION, *calls_);
  unknown_methods_ = std::make_unique<UnknownMethods>([this] { metrics_->CountUnknownMethod(); });
}

InspectionServer::~InspectionServer() { Shutdown(); }

CallOptions InspectionServer::MakeCallOptions() {
  CallOptions calls = CallOptionsOf(config_);
  calls.client_of = [this](const grpc::ServerContextBase& context) { return security_->IdentityOf(context).client; };
  calls.open_stream = [this](const std::string& client) { return security_->limits().OpenStream(client); };
  calls.on_call_finished = [this](const CallRecord& call, const grpc::Status& status) { OnCallFinished(call, status); };
  calls.on_frame_rejected = [this](const std::string& client, const absl::Status& status) {
    metrics_->CountRejectedFrame(client, status);
  };
  calls.on_request_answered = [this](const RequestRecord& request) { return OnRequestAnswered(request); };
  calls.on_streams_change = [this](int change) { metrics_->OnStreamsChange(change); };
  calls.on_unsent_bytes = [this](int64_t change) { metrics_->OnUnsentBytes(change); };
  return calls;
}

StateProbes InspectionServer::Probes() {
  return {.ready = [this] { return pipeline_->Ready().ok(); },
          .draining_since = [this] { return state_->draining_since(); },
          .connections = [] { return OpenConnections(); },
          .log_lines_dropped = [this] { return logger_->lines_dropped(); }};
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
  return absl::OkStatus();
}

absl::Status InspectionServer::OpenResultLog() {
  if (config_.result_log.empty()) return absl::OkStatus();
  ResultSinkOptions options = ResultSinkOptionsOf(config_);
  options.faults = faults_;
  options.on_line = [this](ResultLine what) { metrics_->CountResultLine(what); };
  options.on_queue_bytes = [this](int64_t change) { metrics_->OnResultQueueChange(change); };
  absl::StatusOr<std::unique_ptr<ResultSink>> sink = ResultSink::Create(std::move(options), logger_);
  if (!sink.ok()) {
    return absl::Status(sink.status().code(), absl::StrCat("result_log: ", sink.status().message()));
  }
  results_ = *std::move(sink);
  return absl::OkStatus();
}

absl::Status InspectionServer::OpenTraces() {
  if (config_.otlp_endpoint.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Tracer>> tracer = CreateTracer(TracingOptionsOf(config_), metrics_->traces(), logger_);
  if (!tracer.ok()) return tracer.status();
  tracer_ = *std::move(tracer);
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
  // gRPC widens the window of a fast connection to megabytes: under FLOW_POLICY_BLOCK that is memory, and a queue of
  // frames that nobody has read, on every stream. A message that is being read may exceed the window.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  ApplyConnectionOptions(ConnectionOptionsOf(config_), builder);
  builder.SetMaxReceiveMessageSize(static_cast<int>(MaxMessageBytes(config_)));
  builder.SetMaxSendMessageSize(-1);
  const std::string address = JoinHostPort(config_.host, config_.port);
  builder.AddListeningPort(address, security_->credentials(), &port_);
  builder.RegisterService(service_.get());
  builder.RegisterService(kserve_.get());
  builder.RegisterCallbackGenericService(unknown_methods_.get());
  grpc_ = builder.BuildAndStart();
  if (grpc_ == nullptr || port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " (gRPC): the address is in use, ",
                                               "not of this machine, or not permitted"));
  }
  UpdateServing();
  absl::StatusOr<std::unique_ptr<HttpServer>> http =
      HttpServer::Start(HttpHost(config_), config_.http_port, Handlers());
  if (!http.ok()) return http.status();
  http_ = *std::move(http);
  store_ = std::make_unique<ModelStore>(StoreOptions());
  const absl::Status administration = ListenForAdministration();
  if (administration.ok()) store_->Start();  // only now: a load cannot be interrupted
  return administration;
}

absl::Status InspectionServer::ListenForAdministration() {
  if (config_.admin_port < 0) return absl::OkStatus();
  AdminPortOptions options = {.port = config_.admin_port,
                              .security = SecurityOptionsOf(config_),
                              .connections = ConnectionOptionsOf(config_),
                              .control = Control(),
                              .on_call_finished = {},
                              .on_unknown_method = [this] { metrics_->CountUnknownMethod(); }};
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

HttpHandlers InspectionServer::Handlers() {
  HttpHandlers handlers;
  handlers.metrics = [this] { return metrics_->Serialize(); };
  handlers.ready = [this] { return pipeline_->Ready(); };
  handlers.startup = [this] { return state_->Started(); };
  handlers.live = [this] {
    const absl::Status healthy = pipeline_->Healthy();
    return healthy.ok() ? state_->Live() : healthy;
  };
  return handlers;
}

ModelStoreOptions InspectionServer::StoreOptions() {
  ModelStoreOptions options = ModelStoreOptionsOf(config_);
  options.loader = loader_;
  options.publish = [this](const ModelSet& models) {
    metrics_->SetModels(models);
    pipeline_->SetModels(models);
    UpdateServing();
  };
  options.on_started = [this](const absl::Status& status) { OnStarted(status); };
  options.on_load = [this](const std::string& name, const absl::Status& status, absl::Duration took) {
    OnLoad(name, status, took);
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

void InspectionServer::OnLoad(const std::string& name, const absl::Status& status, absl::Duration took) {
  if (absl::IsCancelled(status)) return;  // by a stop
  metrics_->NoteLoad(name, status.ok(), absl::ToDoubleSeconds(took));
  if (!status.ok() && name.empty()) return;  // a load of the start: OnStarted() says it
  if (!status.ok()) {
    logger_->Error(
        "a model cannot be loaded",
        {{"model", name}, {"code", absl::StatusCodeToString(status.code())}, {"error", std::string(status.message())}});
    return;
  }
  const std::shared_ptr<const ServedModel> model = pipeline_->model(name);
  if (config_.device == "auto" && model->info().device == "cpu") SayWhyNoGpu();
  logger_->Info("a model serves",
                {{"model", absl::StrCat(name, " ", model->info().version)}, {"device", model->info().device}});
}

// Expected where no GPU was ever meant; where one is visible, somebody waits for it.
void InspectionServer::SayWhyNoGpu() {
  const absl::Status usable = GpuUsable();
  if (usable.ok()) return;  // it came back since the model was loaded
  const LogLevel level = NvidiaDevices().empty() ? LogLevel::kInfo : LogLevel::kWarning;
  logger_->Write(level, "device auto took the CPU", {{"error", std::string(usable.message())}});
}

// Until all models of the start serve, none does: a server that answers for some of them only is not ready.
void InspectionServer::OnStarted(const absl::Status& status) {
  if (!status.ok() && !absl::IsCancelled(status)) {
    logger_->Error("the server cannot start without its models", {{"error", std::string(status.message())}});
  }
  state_->NoteLoaded(status);
  UpdateServing();
}

void InspectionServer::OnCallFinished(const CallRecord& call, const grpc::Status& status) {
  metrics_->CountRequest(call.method, static_cast<absl::StatusCode>(status.error_code()), SecondsSince(call.start));
  const absl::Status ended(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
  events_.CallFinished(call, ended);
  if (tracer_ != nullptr) tracer_->CallEnded(call, ended);
}

ReplyGone InspectionServer::OnRequestAnswered(const RequestRecord& request) {
  for (const FrameRecord& frame : request.frames) {
    events_.FrameAnswered(frame);
    if (results_ != nullptr) results_->Write(frame);
  }
  return tracer_ != nullptr ? tracer_->RequestAnswered(request) : ReplyGone();
}

void InspectionServer::UpdateServing() {
  MutexLock lock(serving_mu_);
  grpc::HealthCheckServiceInterface* health = grpc_ == nullptr ? nullptr : grpc_->GetHealthCheckService();
  if (health == nullptr) return;
  const bool serving = pipeline_->Ready().ok();
  health->SetServingStatus(std::string(InspectionService::FullName()), serving);
  health->SetServingStatus(std::string(KserveService::FullName()), serving);
  health->SetServingStatus("", serving);
}

std::string InspectionServer::grpc_address() const { return JoinHostPort(config_.host, port_); }
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
  ReloadSettings();
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

void InspectionServer::ReloadSettings() {
  if (!read_settings_) return;
  const absl::StatusOr<std::vector<EffectiveSetting>> read = read_settings_();
  if (!read.ok()) {
    logger_->Error(
        "the settings cannot be read again; those in force stay",
        {{"code", absl::StatusCodeToString(read.status().code())}, {"error", std::string(read.status().message())}});
    return;
  }
  std::vector<std::string> waiting;
  {
    MutexLock lock(settings_mu_);
    for (size_t i = 0; i < settings_.size() && i < read->size(); ++i) {
      const EffectiveSetting& now = (*read)[i];
      if (now.key == kLogLevelKey) {
        settings_[i] = now;
        const absl::StatusOr<LogLevel> level = ParseLogLevel(now.value);
        if (level.ok()) log_level_->Configure(*level);
      } else if (now.value != settings_[i].value) {
        waiting.push_back(now.key);
      }
    }
  }
  if (waiting.empty()) return logger_->Info("no setting has changed that needs a restart");
  logger_->Warning("changed settings need a restart", {{"settings", absl::StrJoin(waiting, ", ")}});
}

ServerControl InspectionServer::Control() {
  return {.log_level = [this] { return log_level_->state(); },
          .set_log_level =
              [this](std::optional<LogLevel> level, std::optional<std::chrono::milliseconds> duration) {
                return log_level_->Set(level, duration);
              },
          .drain = [this] { return DrainByHand(); },
          .configuration = [this] { return Configuration(); }};
}

EffectiveConfiguration InspectionServer::Configuration() {
  EffectiveConfiguration configuration;
  configuration.server_version = BAYESPFL_VERSION;
  configuration.config_file = config_file_;
  configuration.security = security_->files();
  ServerConfig in_use = config_;
  const SettingTable table(SettingsOf(in_use));
  {
    MutexLock lock(settings_mu_);
    for (size_t i = 0; i < settings_.size(); ++i) {
      const Setting& setting = table.settings().at(i);
      const bool live = setting.key == kLogLevelKey;  // changed by Reload(), and not in config_
      configuration.settings.push_back({settings_[i], live ? settings_[i].value : ValueOf(setting)});
    }
  }
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
  BeginDrain();
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
  BeginDrain();
  drain_.join();
  WaitUntilAnswered();
  state_->NoteStopped();
}

// Begins the first half of a stop, unless it has begun. Not ready any more when it returns.
void InspectionServer::BeginDrain() {
  MutexLock lock(drain_mu_);
  if (std::exchange(drain_begun_, true)) return;
  const bool served = state_->EnterLameDuck();
  UpdateServing();
  drain_ = std::thread([this, served] { Drain(served); });
}

// Load balancers, and Kubernetes' endpoints, hear of a server that is not ready only after a while, and send work until
// then: it is taken, so that no client sees a stop that others could have kept from it.
void InspectionServer::Drain(bool wait_for_balancers) {
  if (wait_for_balancers) {
    const std::chrono::seconds delay(config_.drain_delay_seconds);
    logger_->Info("about to drain", {{"seconds", int64_t{delay.count()}}});
    std::this_thread::sleep_for(delay);
  }
  logger_->Info("draining");
  calls_->EndStreams();  // first: what a stream has read is still accepted
  state_->StartDraining();
  calls_->EndStreams();  // those that opened in between
  UpdateServing();
}

// The second half of a stop.
void InspectionServer::WaitUntilAnswered() {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(config_.drain_timeout_seconds);
  const bool idle = calls_->WaitUntilIdle(deadline);
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
  if (tracer_ != nullptr) tracer_->Stop();
  if (store_ != nullptr) store_->Stop();  // so that no call of the administration waits for it
  admin_.reset();
  http_.reset();
}

}  // namespace bayespfl::server
