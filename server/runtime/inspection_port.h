// The gRPC port of the inspection: its services, grpc.health.v1 and reflection.
#ifndef BAYESPFL_SERVER_RUNTIME_INSPECTION_PORT_H_
#define BAYESPFL_SERVER_RUNTIME_INSPECTION_PORT_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "grpcpp/impl/service_type.h"
#include "grpcpp/security/server_credentials.h"
#include "server/api/unknown_methods.h"
#include "server/runtime/connection_options.h"
#include "server/runtime/grpc_port.h"
#include "server/runtime/port_events.h"

namespace bayespfl::server {

struct NamedService {
  std::string name;        // "bayespfl.inspection.v1.InspectionService", for grpc.health.v1
  grpc::Service* service;  // outlives the port
};

struct InspectionPortOptions {
  std::string host = "127.0.0.1";
  int port = 0;                                          // 0: a free one
  int64_t max_message_bytes = 0;                         // of one message that comes in
  std::shared_ptr<grpc::ServerCredentials> credentials;  // must be given
  ConnectionOptions connections = {};
  std::vector<NamedService> services;
  std::shared_ptr<ConnectionTable> table = nullptr;  // GrpcPortOptions'
  PortEvents events = {};                            // GrpcPortOptions'; unknown methods are answered by WhyUnserved()
};

// Thread-safe, but for the destructor.
class InspectionPort {
 public:
  // Binds and serves; grpc.health.v1 says NOT_SERVING. Unavailable: the address, which the message names, cannot be
  // bound.
  static absl::StatusOr<std::unique_ptr<InspectionPort>> Start(InspectionPortOptions options);
  ~InspectionPort() = default;  // closes the port; calls that are open are cancelled
  InspectionPort(const InspectionPort&) = delete;
  InspectionPort& operator=(const InspectionPort&) = delete;

  int port() const { return grpc_->port(); }
  size_t OpenConnections() const { return grpc_->OpenConnections(); }

  // What grpc.health.v1 says of "" and of each service.
  void SetServing(bool serving);

  // Closes the port. Calls may go on for `grace` and are cancelled then; all have ended when it returns.
  void Shutdown(std::chrono::seconds grace) { grpc_->Shutdown(grace); }

 private:
  InspectionPort(const std::vector<NamedService>& services, std::function<void()> on_unknown_method);

  std::vector<std::string> names_;
  UnknownMethods unknown_methods_;
  std::unique_ptr<GrpcPort> grpc_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_INSPECTION_PORT_H_
