// The administration of models (proto/bayespfl/admin/v1): puts calls to the store and leaves a line of each in the
// audit log.
#ifndef BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_
#define BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_

#include <functional>
#include <memory>

#include "absl/strings/string_view.h"
#include "grpcpp/generic/async_generic_service.h"
#include "grpcpp/server_builder.h"
#include "grpcpp/server_context.h"
#include "server/models/model_store.h"
#include "server/security/audit_log.h"
#include "server/security/client_identity.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

struct ModelAdminOptions {
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
// Thread-safe. The service, the store and the audit log outlive the gRPC server; the store is stopped before it, so
// that every call ends.
class ModelAdminService final : public grpc::CallbackGenericService {
 public:
  // "bayespfl.admin.v1.ModelAdminService".
  static absl::string_view FullName();

  ModelAdminService(ModelAdminOptions options, ModelStore& store, const AuditLog& audit);

  // For one server, which can have no other generic service.
  void RegisterWith(grpc::ServerBuilder& builder);

  // A call of an unknown method.
  grpc::ServerGenericBidiReactor* CreateReactor(grpc::GenericCallbackServerContext* context) override;

 private:
  const ModelAdminOptions options_;
  ModelStore& store_;
  const AuditLog& audit_;
  std::unique_ptr<grpc::Service> methods_;  // the methods that there are; the others come to CreateReactor()
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_
