// The port of the administration: its services, behind its own address, with the security of the main port.
#ifndef BAYESPFL_SERVER_RUNTIME_ADMIN_PORT_H_
#define BAYESPFL_SERVER_RUNTIME_ADMIN_PORT_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "server/api/admin_service.h"
#include "server/api/server_admin_methods.h"
#include "server/models/model_store.h"
#include "server/runtime/connection_options.h"
#include "server/runtime/grpc_port.h"
#include "server/runtime/port_events.h"
#include "server/security/port_security.h"
#include "server/telemetry/log.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

struct AdminPortOptions {
  int port = 0;                        // 0: a free one
  PortSecurityOptions security;        // its host is where the port binds to
  ConnectionOptions connections = {};  // but for how many there are and what they may hold: little, and always so
  ServerControl control;
  std::function<void(const CallRecord& call, const grpc::Status& status)> on_call_finished;  // AdminOptions
  PortEvents events = {};
};

// Thread-safe, but for the destructor.
class AdminPort {
 public:
  // Binds and serves. Unavailable: the address, which the message names, cannot be bound. Else as
  // PortSecurity::Create(). The store outlives the port.
  static absl::StatusOr<std::unique_ptr<AdminPort>> Start(AdminPortOptions options, ModelStore& store,
                                                          const Logger& logger);
  // Closes the port. Stop the store before, so that no call waits for it.
  ~AdminPort();
  AdminPort(const AdminPort&) = delete;
  AdminPort& operator=(const AdminPort&) = delete;

  int port() const { return grpc_->port(); }
  size_t OpenConnections() const { return grpc_->OpenConnections(); }

  // PortSecurity::ReloadNow().
  void ReloadSecurityNow() { security_->ReloadNow(); }

 private:
  AdminPort() = default;

  std::unique_ptr<PortSecurity> security_;
  std::unique_ptr<AdminService> service_;
  std::unique_ptr<GrpcPort> grpc_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_ADMIN_PORT_H_
