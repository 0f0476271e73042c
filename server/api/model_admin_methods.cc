#include "server/api/model_admin_methods.h"

#include <algorithm>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bayespfl/admin/v1/model_admin.pb.h"
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
  model.mutable_last_load()->set_code(static_cast<int>(status.last_load.code()));
  model.mutable_last_load()->set_message(WireMessage(status.last_load.message()));
  if (!status.info.has_value()) return model;
  model.set_version(status.info->version);
  model.set_digest(status.info->digest);
  model.set_device(status.info->device);
  const timespec loaded_at = absl::ToTimespec(status.loaded_at);
  model.mutable_loaded_at()->set_seconds(loaded_at.tv_sec);
  model.mutable_loaded_at()->set_nanos(static_cast<int32_t>(loaded_at.tv_nsec));
  return model;
}

// The model that the request names, which is what the call is about.
template <typename Request>
absl::StatusOr<std::string> TakeName(AdminCall& call) {
  Request request;
  const absl::Status parsed = call.Parse(request);
  if (!parsed.ok()) return parsed;
  call.set_target(request.name());
  return request.name();
}

void ListModels(AdminCall& call, const ModelStore& store) {
  v1::ListModelsRequest request;
  const absl::Status parsed = call.Parse(request);
  if (!parsed.ok()) return call.End(parsed);
  v1::ListModelsResponse response;
  for (const ModelStatus& model : store.List()) *response.add_models() = ToProto(model);
  call.Reply(response);
}

void LoadModel(AdminCall& call, ModelStore& store) {
  const absl::StatusOr<std::string> name = TakeName<v1::LoadModelRequest>(call);
  if (!name.ok()) return call.End(name.status());
  store.Load(*name, [&call, &store, name = *name](const absl::Status& status) {
    if (!status.ok()) return call.End(status);
    v1::LoadModelResponse response;
    const std::vector<ModelStatus> models = store.List();
    const auto model =
        std::find_if(models.begin(), models.end(), [&name](const auto& one) { return one.name == name; });
    if (model != models.end()) *response.mutable_model() = ToProto(*model);
    call.Reply(response);
  });
}

void UnloadModel(AdminCall& call, ModelStore& store) {
  const absl::StatusOr<std::string> name = TakeName<v1::UnloadModelRequest>(call);
  if (!name.ok()) return call.End(name.status());
  store.Unload(*name, [&call](const absl::Status& status) {
    return status.ok() ? call.Reply(v1::UnloadModelResponse()) : call.End(status);
  });
}

void SetDefaultModel(AdminCall& call, ModelStore& store) {
  const absl::StatusOr<std::string> name = TakeName<v1::SetDefaultModelRequest>(call);
  if (!name.ok()) return call.End(name.status());
  store.SetDefault(*name, [&call](const absl::Status& status) {
    return status.ok() ? call.Reply(v1::SetDefaultModelResponse()) : call.End(status);
  });
}

}  // namespace

std::vector<AdminMethod> ModelAdminMethods(ModelStore& store) {
  return {{"/bayespfl.admin.v1.ModelAdminService/ListModels", [&store](AdminCall& call) { ListModels(call, store); }},
          {"/bayespfl.admin.v1.ModelAdminService/LoadModel", [&store](AdminCall& call) { LoadModel(call, store); }},
          {"/bayespfl.admin.v1.ModelAdminService/UnloadModel", [&store](AdminCall& call) { UnloadModel(call, store); }},
          {"/bayespfl.admin.v1.ModelAdminService/SetDefaultModel",
           [&store](AdminCall& call) { SetDefaultModel(call, store); }}};
}

}  // namespace bayespfl::server
