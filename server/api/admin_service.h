// The administration (proto/bayespfl/admin/v1): every call of its port, from its metadata to its line in the audit log.
// What the calls do is in model_admin_methods.h and server_admin_methods.h.
#ifndef BAYESPFL_SERVER_API_ADMIN_SERVICE_H_
#define BAYESPFL_SERVER_API_ADMIN_SERVICE_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "google/protobuf/message.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/api/wire.h"
#include "server/security/audit_log.h"
#include "server/security/client_identity.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

// A call whose request has come. It ends exactly once, and may be gone when End() or Reply() returns.
class AdminCall {
 public:
  AdminCall() = default;
  AdminCall(const AdminCall&) = delete;
  AdminCall& operator=(const AdminCall&) = delete;

  // InvalidArgument: the message is none of that type.
  template <typename Request>
  absl::Status Parse(Request& request) {
    return ParseMessage(request_, request);
  }

  // What the call is about, for its line in the audit log. It may come from outside.
  void set_target(std::string target) { target_ = std::move(target); }

  virtual void Reply(const google::protobuf::Message& response) = 0;
  virtual void End(const absl::Status& status) = 0;

 protected:
  ~AdminCall() = default;

  std::string target_;
  grpc::ByteBuffer request_;
};

struct AdminMethod {
  std::string path;  // "/bayespfl.admin.v1.ModelAdminService/LoadModel"
  std::function<void(AdminCall& call)> run;
};

struct AdminOptions {
  // Who calls. Must be given, as must the other.
  std::function<ClientIdentity(const grpc::ServerContextBase& context)> identity_of;
  // Called once for every call of a method that there is, with how it ended.
  std::function<void(const CallRecord& call, const grpc::Status& status)> on_call_finished;
  // Called once for every call of another method. May be empty.
  std::function<void()> on_unknown_method = {};
};

// Takes every call of its port that no other service has, from its metadata on: a damaged or too large message and an
// unknown method leave a line in the audit log too.
//
// Thread-safe. The service, what its methods use, and the audit log outlive the gRPC server; what a method waits for is
// stopped before it, so that every call ends.
class AdminService final : public grpc::CallbackGenericService {
 public:
  // `services`: the methods of each.
  AdminService(AdminOptions options, std::vector<std::vector<AdminMethod>> services, const AuditLog& audit);
  ~AdminService() override;

  // For one server, which can have no other generic service.
  void RegisterWith(grpc::ServerBuilder& builder);

  // A call of an unknown method.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  const AdminOptions options_;
  const std::vector<std::vector<AdminMethod>> methods_;
  const AuditLog& audit_;
  std::vector<std::unique_ptr<grpc::Service>> services_;  // the methods that there are; others come to CreateReactor()
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_ADMIN_SERVICE_H_
