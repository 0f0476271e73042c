#include "server/runtime/grpc_port.h"

#include <cstdint>
#include <limits>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/loopback_host.h"
#include "server/runtime/component_options.h"

namespace bayespfl::server {
namespace {

using ConnectionType = grpc::ServerBuilder::experimental_type::ExternalConnectionType;

absl::Status CannotListen(const GrpcPortOptions& options, absl::string_view reason) {
  return absl::UnavailableError(
      absl::StrCat("cannot listen on ", JoinHostPort(options.host, options.port), " (", options.name, "): ", reason));
}

}  // namespace

absl::StatusOr<std::unique_ptr<GrpcPort>> GrpcPort::Open(const GrpcPortOptions& options, grpc::ServerBuilder& builder) {
  const bool watched = options.table != nullptr;
  absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> acceptor = ConnectionAcceptor::Listen(
      {.host = std::string(WithoutBrackets(options.host)),
       .port = options.port,
       .max_connections = options.connections.max_connections,
       .user_timeout = options.connections.keepalive_timeout,
       .connections = watched ? options.table : std::make_shared<ConnectionTable>(),
       .max_incoming_bytes = watched ? options.connections.max_incoming_bytes : std::numeric_limits<int64_t>::max(),
       .max_calls = options.connections.max_calls,
       .on_refused = options.events.on_connection_refused,
       .on_shortage = options.events.on_connection_shortage,
       .on_broken = options.events.on_connections_broken});
  if (!acceptor.ok()) return CannotListen(options, acceptor.status().message());
  ApplyConnectionOptions(options.connections, builder);
  auto connections = builder.experimental().AddExternalConnectionAcceptor(ConnectionType::FROM_FD, options.credentials);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr) return CannotListen(options, "gRPC cannot start");
  (*acceptor)->Start(std::move(connections));
  return std::unique_ptr<GrpcPort>(new GrpcPort(*std::move(acceptor), std::move(server)));
}

void GrpcPort::Shutdown(std::chrono::seconds grace) {
  acceptor_->Stop();
  server_->Shutdown(std::chrono::system_clock::now() + grace);
}

}  // namespace bayespfl::server
