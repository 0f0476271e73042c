#include "server/api/model_admin_service.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "server/api/status.h"

namespace bayespfl::server {
namespace {

namespace v1 = admin::v1;

v1::ModelState ToProto(ModelState state) {
  switch (state) {
    case ModelState::kReady:
      return v1::MODEL_STATE_READY;
    case ModelState::kLoading:
      return v1::MODEL_STATE_LOADING;
    case ModelState::kFailed:
      break;
  }
  return v1::MODEL_STATE_FAILED;
}

v1::Model ToProto(const ModelStatus& status) {
  v1::Model model;
  model.set_name(status.name);
  model.set_state(ToProto(status.state));
  model.set_is_default(status.is_default);
  *model.mutable_last_load() = bayespfl::server::ToProto(status.last_load);
  if (!status.info.has_value()) return model;
  model.set_version(status.info->version);
  model.set_digest(status.info->digest);
  model.set_device(status.info->device);
  const timespec loaded_at = absl::ToTimespec(status.loaded_at);
  model.mutable_loaded_at()->set_seconds(loaded_at.tv_sec);
  model.mutable_loaded_at()->set_nanos(static_cast<int32_t>(loaded_at.tv_nsec));
  return model;
}

}  // namespace

absl::string_view ModelAdminService::FullName() { return v1::ModelAdminService::service_full_name(); }

ModelAdminService::ModelAdminService(ModelAdminOptions options, ModelStore& store, const AuditLog& audit)
    : options_(std::move(options)), store_(store), audit_(audit) {}

// gRPC keeps context, request and response until Finish(), also when the client leaves earlier. Each call asks for its
// default reactor once: every further DefaultReactor() makes a new one over it.
ModelAdminService::Finish ModelAdminService::FinishOf(absl::string_view method, const std::string& target,
                                                      grpc::CallbackServerContext& context,
                                                      grpc::ServerUnaryReactor& reactor) const {
  const ClientIdentity identity = options_.identity_of(context);
  return [this, method, target, identity, &reactor](const absl::Status& status) {
    const grpc::Status grpc_status = ToGrpcStatus(status);
    audit_.Write({.who = identity.caller.has_value() ? identity.caller->name : identity.client,
                  .role = identity.caller.has_value() ? RoleName(identity.caller->role) : absl::string_view(),
                  .peer = identity.peer,
                  .method = absl::StrCat("/", FullName(), "/", method),
                  .outcome = CodeName(grpc_status.error_code()),
                  .target = target});
    options_.on_call_finished(method, status);
    reactor.Finish(grpc_status);
  };
}

grpc::ServerUnaryReactor* ModelAdminService::ListModels(grpc::CallbackServerContext* context,
                                                        const v1::ListModelsRequest* /*request*/,
                                                        v1::ListModelsResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  for (const ModelStatus& model : store_.List()) *response->add_models() = ToProto(model);
  FinishOf("ListModels", "", *context, *reactor)(absl::OkStatus());
  return reactor;
}

grpc::ServerUnaryReactor* ModelAdminService::LoadModel(grpc::CallbackServerContext* context,
                                                       const v1::LoadModelRequest* request,
                                                       v1::LoadModelResponse* response) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  store_.Load(request->name(),
              [this, name = request->name(), response,
               finish = FinishOf("LoadModel", request->name(), *context, *reactor)](const absl::Status& status) {
                const std::vector<ModelStatus> models = store_.List();
                const auto model =
                    std::find_if(models.begin(), models.end(), [&name](const auto& one) { return one.name == name; });
                if (status.ok() && model != models.end()) *response->mutable_model() = ToProto(*model);
                finish(status);
              });
  return reactor;
}

grpc::ServerUnaryReactor* ModelAdminService::UnloadModel(grpc::CallbackServerContext* context,
                                                         const v1::UnloadModelRequest* request,
                                                         v1::UnloadModelResponse* /*response*/) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  store_.Unload(request->name(), FinishOf("UnloadModel", request->name(), *context, *reactor));
  return reactor;
}

grpc::ServerUnaryReactor* ModelAdminService::SetDefaultModel(grpc::CallbackServerContext* context,
                                                             const v1::SetDefaultModelRequest* request,
                                                             v1::SetDefaultModelResponse* /*response*/) {
  grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
  store_.SetDefault(request->name(), FinishOf("SetDefaultModel", request->name(), *context, *reactor));
  return reactor;
}

}  // namespace bayespfl::server
