// A TCP port that a gRPC server listens on, with the limits on its connections.
#ifndef BAYESPFL_SERVER_RUNTIME_GRPC_PORT_H_
#define BAYESPFL_SERVER_RUNTIME_GRPC_PORT_H_

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "grpcpp/security/server_credentials.h"
#include "grpcpp/server.h"
#include "grpcpp/server_builder.h"
#include "server/runtime/connection_acceptor.h"
#include "server/runtime/connection_options.h"
#include "server/runtime/port_events.h"

namespace bayespfl::server {

struct GrpcPortOptions {
  std::string name = "gRPC";  // in an error's message
  std::string host = "127.0.0.1";
  int port = 0;                                          // 0: a free one
  std::shared_ptr<grpc::ServerCredentials> credentials;  // must be given
  ConnectionOptions connections = {};
  std::shared_ptr<ConnectionTable> table = nullptr;  // where messages are noted; null: nobody does
  PortEvents events = {};
};

// Thread-safe, but for the destructor.
class GrpcPort {
 public:
  // Binds, and serves what `builder` has. Unavailable: the address, which the message names, cannot be bound.
  static absl::StatusOr<std::unique_ptr<GrpcPort>> Open(const GrpcPortOptions& options, grpc::ServerBuilder& builder);
  ~GrpcPort() { Shutdown(std::chrono::seconds(0)); }  // closes the port; calls that are open are cancelled
  GrpcPort(const GrpcPort&) = delete;
  GrpcPort& operator=(const GrpcPort&) = delete;

  int port() const { return acceptor_->port(); }
  grpc::Server& server() const { return *server_; }
  size_t OpenConnections() const { return acceptor_->OpenConnections(); }

  // Closes the port. Calls may go on for `grace` and are cancelled then; all have ended when it returns. One thread
  // calls it; it may call again.
  void Shutdown(std::chrono::seconds grace);

 private:
  GrpcPort(std::unique_ptr<ConnectionAcceptor> acceptor, std::unique_ptr<grpc::Server> server)
      : acceptor_(std::move(acceptor)), server_(std::move(server)) {}

  const std::unique_ptr<ConnectionAcceptor> acceptor_;
  const std::unique_ptr<grpc::Server> server_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_GRPC_PORT_H_
