// The whole server in one object: pipeline, gRPC and HTTP endpoints, model, life cycle.
//
//   auto server = InspectionServer::Start({.config = config, .logger = logger});
//   if (!server.ok()) return server.status();              // an address that cannot be bound
//   absl::Status loaded = (*server)->WaitUntilLoaded();    // ready, or why the model cannot be used
//   (*server)->WaitForStopRequest();                       // another thread calls RequestStop()
//   (*server)->Shutdown();
#ifndef BAYESPFL_SERVER_RUNTIME_SERVER_H_
#define BAYESPFL_SERVER_RUNTIME_SERVER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "grpcpp/support/status.h"
#include "server/api/call_registry.h"
#include "server/api/inspection_service.h"
#include "server/api/kserve_service.h"
#include "server/api/server_admin_methods.h"
#include "server/models/model_store.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/pipeline.h"
#include "server/pipeline/server_state.h"
#include "server/runtime/admin_port.h"
#include "server/runtime/config.h"
#include "server/runtime/connection_table.h"
#include "server/runtime/drain.h"
#include "server/runtime/inspection_port.h"
#include "server/runtime/load_report.h"
#include "server/runtime/memory_trimmer.h"
#include "server/runtime/open_connections.h"
#include "server/runtime/received_signal.h"
#include "server/runtime/record_keeper.h"
#include "server/runtime/settings_in_force.h"
#include "server/security/port_security.h"
#include "server/telemetry/http_server.h"
#include "server/telemetry/log.h"
#include "server/telemetry/log_level_control.h"
#include "server/telemetry/metrics.h"

namespace bayespfl::server {

struct ServerOptions {
  ServerConfig config;
  ModelLoader loader;  // empty: detectors on config.device
  Logger logger;       // null: nothing is logged; its level is config.log_level
  // `config` with where each value came from, for the administration; empty: it tells of none.
  std::vector<EffectiveSetting> settings = {};
  std::string config_file = {};       // empty: none
  SettingsReader read_settings = {};  // for Reload(); empty: it has none to read
};

// Life cycle (ServerState): listening at once, and every frame answered UNAVAILABLE until the model is loaded and
// warmed up; then ready; then, from Shutdown() on, for drain_delay_seconds not ready and serving, so that whoever
// balances load hears of it before anybody is turned away; then draining. grpc.health.v1 says SERVING for "" and for
// the services' names only while ready; /startupz, /livez and /readyz tell the same. Thread-safe, but for the
// destructor.
class InspectionServer {
 public:
  // Opens the result log, binds the addresses and starts to load the models. Unavailable: an address, which the
  // message names, cannot be bound. InvalidArgument: inject_faults, metric_categories, or as PortSecurity::Create()
  // says: certificates and tokens. Errors of the result log's file begin with "result_log", those of the headers that
  // go with traces with "otlp_headers_file".
  static absl::StatusOr<std::unique_ptr<InspectionServer>> Start(ServerOptions options);
  ~InspectionServer();  // Shutdown()
  InspectionServer(const InspectionServer&) = delete;
  InspectionServer& operator=(const InspectionServer&) = delete;

  int port() const { return inspection_->port(); }  // gRPC
  int http_port() const { return http_->port(); }
  std::string grpc_address() const;  // "127.0.0.1:50051"
  std::string http_address() const;
  std::string admin_address() const;  // empty: there is none

  // Waits until the model is ready (OK), cannot be loaded (the reason), or a stop was requested (Cancelled).
  absl::Status WaitUntilLoaded();

  // The default model; null before it is ready.
  std::shared_ptr<const ServedModel> model() const { return pipeline_->model(); }

  // Reads again what can be changed without a restart, and says in the log what that is and what came of it:
  // - log_level, which is in force then, whatever an operator has set meanwhile; settings that differ otherwise are
  // named
  // - certificates and tokens, which are looked at every security_reload_seconds anyway
  // - every model with its calibration, in the background; one that cannot be loaded leaves the old one serving
  // Returns at once.
  void Reload();

  // Leaves a line of the signal in the audit log.
  void Audit(const ReceivedSignal& signal) const;

  // What /metrics answers.
  std::string metrics() const { return metrics_->Serialize(); }

  // Wakes the two waits. Returns at once.
  void RequestStop() { state_->RequestStop(); }
  void WaitForStopRequest() { state_->WaitForStopRequest(); }

  // Graceful stop: not ready any more; a server that was serving goes on for drain_delay_seconds. Then frames that were
  // accepted are answered, open streams end with UNAVAILABLE after their replies, new calls and frames get UNAVAILABLE,
  // all with the reason DRAINING. What is still open after drain_timeout_seconds is cancelled. Then the ports close.
  // May be called again.
  void Shutdown();

 private:
  InspectionServer(ServerOptions options, std::unique_ptr<Metrics> metrics, std::shared_ptr<FaultInjector> faults);
  absl::Status Open();
  absl::Status Secure();
  absl::Status KeepRecords();
  absl::Status Listen();
  absl::Status ListenForInspection();
  absl::Status ListenForHttp();
  absl::Status ListenForAdministration();
  StateProbes Probes();
  ClientUse UseOf(const std::string& client) const;
  CallOptions MakeCallOptions();
  ModelStoreOptions StoreOptions();
  ServerControl Control();
  void SetNamedClients(const std::vector<std::string>& names);
  absl::Status AdmitFrames(const std::string& client, size_t frames);
  void OnCallFinished(const CallRecord& call, const grpc::Status& status);
  void UpdateServing();
  EffectiveConfiguration Configuration();
  absl::StatusOr<DrainProgress> DrainByHand();
  void WaitUntilAnswered();

  const ServerConfig config_;
  const ModelLoader loader_;
  const Logger logger_;
  const std::string config_file_;
  const std::shared_ptr<ServerState> state_ = std::make_shared<ServerState>();
  const std::shared_ptr<ConnectionTable> connections_ = std::make_shared<ConnectionTable>();  // of the main port
  CallCounter call_counter_;
  const std::unique_ptr<Metrics> metrics_;
  const std::shared_ptr<FaultInjector> faults_;  // null: none
  LogLevelControl log_level_;
  SettingsInForce settings_;
  LoadReport load_report_;
  std::unique_ptr<RecordKeeper> records_;   // set before a port opens, as is the next
  std::unique_ptr<PortSecurity> security_;  // of the main port
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<CallRegistry> calls_;
  std::unique_ptr<Drain> drain_;
  std::unique_ptr<InspectionService> service_;
  std::unique_ptr<KserveService> kserve_;
  std::unique_ptr<InspectionPort> inspection_;
  std::unique_ptr<HttpServer> http_;
  std::unique_ptr<ModelStore> store_;
  std::unique_ptr<AdminPort> admin_;  // null: none is configured
  std::unique_ptr<MemoryTrimmer> trimmer_;

  Mutex serving_mu_;   // what is told to the health service is the newest
  Mutex shutdown_mu_;  // one thread stops the server
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_SERVER_H_
