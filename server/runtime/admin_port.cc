#include "server/runtime/admin_port.h"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "grpcpp/server_builder.h"
#include "server/api/model_admin_methods.h"

namespace bayespfl::server {
namespace {

constexpr std::chrono::seconds kGrace(1);  // for replies that are on their way
constexpr int kMaxMessageBytes = 1 << 16;  // requests hold a name, or a level
constexpr size_t kMaxConnections = 64;     // of operators and their tools
constexpr int64_t kMaxIncomingBytes = int64_t{32} << 20;

}  // namespace

absl::StatusOr<std::unique_ptr<AdminPort>> AdminPort::Start(AdminPortOptions options, ModelStore& store,
                                                            const Logger& logger) {
  GrpcPortOptions grpc_options = {.name = "admin_port",
                                  .host = options.security.host,
                                  .port = options.port,
                                  .credentials = nullptr,
                                  .connections = options.connections,
                                  .events = options.events};
  grpc_options.connections.max_connections = kMaxConnections;
  grpc_options.connections.max_incoming_bytes = kMaxIncomingBytes;
  absl::StatusOr<std::unique_ptr<PortSecurity>> security = PortSecurity::Create(std::move(options.security), logger);
  if (!security.ok()) return security.status();
  auto port = std::unique_ptr<AdminPort>(new AdminPort());
  port->security_ = *std::move(security);
  AdminOptions service;
  service.identity_of = [guard = port->security_.get()](const grpc::ServerContextBase& context) {
    return guard->IdentityOf(context);
  };
  service.on_call_finished = std::move(options.on_call_finished);
  service.on_unknown_method = options.events.on_unknown_method;
  port->service_ = std::make_unique<AdminService>(
      std::move(service),
      std::vector<std::vector<AdminMethod>>{ModelAdminMethods(store), ServerAdminMethods(std::move(options.control))},
      port->security_->audit_log());
  grpc::ServerBuilder builder;
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  port->service_->RegisterWith(builder);
  grpc_options.credentials = port->security_->credentials();
  absl::StatusOr<std::unique_ptr<GrpcPort>> grpc = GrpcPort::Open(grpc_options, builder);
  if (!grpc.ok()) return grpc.status();
  port->grpc_ = *std::move(grpc);
  return port;
}

AdminPort::~AdminPort() {
  if (grpc_ != nullptr) grpc_->Shutdown(kGrace);
}

}  // namespace bayespfl::server
