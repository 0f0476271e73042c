#include "server/runtime/admin_port.h"

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_builder.h"
#include "server/api/model_admin_methods.h"
#include "server/runtime/component_options.h"

namespace bayespfl::server {
namespace {

constexpr std::chrono::seconds kGrace(1);  // for replies that are on their way
constexpr int kMaxMessageBytes = 1 << 16;  // requests hold a name, or a level

}  // namespace

absl::StatusOr<std::unique_ptr<AdminPort>> AdminPort::Start(AdminPortOptions options, ModelStore& store,
                                                            const Logger& logger) {
  const std::string address = JoinHostPort(options.security.host, options.port);
  absl::StatusOr<std::unique_ptr<PortSecurity>> security = PortSecurity::Create(std::move(options.security), logger);
  if (!security.ok()) return security.status();
  auto port = std::unique_ptr<AdminPort>(new AdminPort());
  port->security_ = *std::move(security);
  AdminOptions service;
  service.identity_of = [guard = port->security_.get()](const grpc::ServerContextBase& context) {
    return guard->IdentityOf(context);
  };
  service.on_call_finished = std::move(options.on_call_finished);
  service.on_unknown_method = std::move(options.on_unknown_method);
  port->service_ = std::make_unique<AdminService>(
      std::move(service),
      std::vector<std::vector<AdminMethod>>{ModelAdminMethods(store), ServerAdminMethods(std::move(options.control))},
      port->security_->audit_log());
  grpc::ServerBuilder builder;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  ApplyConnectionOptions(options.connections, builder);
  builder.SetMaxReceiveMessageSize(kMaxMessageBytes);
  builder.AddListeningPort(address, port->security_->credentials(), &port->port_);
  port->service_->RegisterWith(builder);
  port->grpc_ = builder.BuildAndStart();
  if (port->grpc_ == nullptr || port->port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " (admin_port): the address is in use, ",
                                               "not of this machine, or not permitted"));
  }
  return port;
}

AdminPort::~AdminPort() {
  if (grpc_ != nullptr) grpc_->Shutdown(std::chrono::system_clock::now() + kGrace);
}

}  // namespace bayespfl::server
