// The administration of models (proto/bayespfl/admin/v1): puts calls to the store and leaves a line of each in the
// audit log.
#ifndef BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_
#define BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "grpcpp/support/server_callback.h"
#include "server/models/model_store.h"
#include "server/security/audit_log.h"
#include "server/security/client_identity.h"

namespace bayespfl::server {

struct ModelAdminOptions {
  // Who calls. Must be given, as must the other.
  std::function<ClientIdentity(const grpc::ServerContextBase& context)> identity_of;
  // Called once for every call, with its method ("LoadModel") and how it ended.
  std::function<void(absl::string_view method, const absl::Status& status)> on_call_finished;
};

// Thread-safe. The service, the store and the audit log outlive the gRPC server; the store is stopped before it, so
// that every call ends.
class ModelAdminService final : public admin::v1::ModelAdminService::CallbackService {
 public:
  // "bayespfl.admin.v1.ModelAdminService".
  static absl::string_view FullName();

  ModelAdminService(ModelAdminOptions options, ModelStore& store, const AuditLog& audit);

  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const admin::v1::ListModelsRequest* request,
                                       admin::v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* LoadModel(grpc::CallbackServerContext* context, const admin::v1::LoadModelRequest* request,
                                      admin::v1::LoadModelResponse* response) override;
  grpc::ServerUnaryReactor* UnloadModel(grpc::CallbackServerContext* context,
                                        const admin::v1::UnloadModelRequest* request,
                                        admin::v1::UnloadModelResponse* response) override;
  grpc::ServerUnaryReactor* SetDefaultModel(grpc::CallbackServerContext* context,
                                            const admin::v1::SetDefaultModelRequest* request,
                                            admin::v1::SetDefaultModelResponse* response) override;

 private:
  // Ends a call, from whatever thread.
  using Finish = std::function<void(const absl::Status&)>;
  Finish FinishOf(absl::string_view method, const std::string& target, grpc::CallbackServerContext& context,
                  grpc::ServerUnaryReactor& reactor) const;

  const ModelAdminOptions options_;
  ModelStore& store_;
  const AuditLog& audit_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_MODEL_ADMIN_SERVICE_H_
