#include "server/runtime/inspection_port.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/generated_message_reflection.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"
#include "server/api/unserved_methods.h"
#include "server/runtime/component_options.h"

namespace bayespfl::server {

absl::StatusOr<std::unique_ptr<InspectionPort>> InspectionPort::Start(InspectionPortOptions options) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  // gRPC's own health service carries no descriptor; without it reflection lists the service but cannot describe it.
  google::protobuf::LinkMessageReflection<grpc::health::v1::HealthCheckRequest>();
  auto port =
      std::unique_ptr<InspectionPort>(new InspectionPort(options.services, std::move(options.on_unknown_method)));
  grpc::ServerBuilder builder;
  // The default shares the port with other processes, so that a second server would start unnoticed.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // gRPC widens the window of a fast connection to megabytes: under FLOW_POLICY_BLOCK that is memory, and a queue of
  // frames that nobody has read, on every stream. A message that is being read may exceed the window.
  builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);
  ApplyConnectionOptions(options.connections, builder);
  builder.SetMaxReceiveMessageSize(static_cast<int>(options.max_message_bytes));
  builder.SetMaxSendMessageSize(-1);
  const std::string address = JoinHostPort(options.host, options.port);
  builder.AddListeningPort(address, options.credentials, &port->port_);
  for (const NamedService& service : options.services) builder.RegisterService(service.service);
  builder.RegisterCallbackGenericService(&port->unknown_methods_);
  port->grpc_ = builder.BuildAndStart();
  if (port->grpc_ == nullptr || port->port_ == 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", address, " (gRPC): the address is in use, ",
                                               "not of this machine, or not permitted"));
  }
  port->SetServing(false);
  return port;
}

InspectionPort::InspectionPort(const std::vector<NamedService>& services, std::function<void()> on_unknown_method)
    : unknown_methods_(std::move(on_unknown_method), WhyUnserved) {
  for (const NamedService& service : services) names_.push_back(service.name);
  names_.emplace_back();  // last: whoever asks for the server as a whole finds its services as it says
}

InspectionPort::~InspectionPort() {
  if (grpc_ != nullptr) Shutdown(std::chrono::seconds(0));
}

void InspectionPort::SetServing(bool serving) {
  grpc::HealthCheckServiceInterface* health = grpc_->GetHealthCheckService();
  if (health == nullptr) return;
  for (const std::string& name : names_) health->SetServingStatus(name, serving);
}

void InspectionPort::Shutdown(std::chrono::seconds grace) { grpc_->Shutdown(std::chrono::system_clock::now() + grace); }

}  // namespace bayespfl::server
