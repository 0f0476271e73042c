#include "server/api/model_admin_service.h"

#include <algorithm>
#include <array>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/records.h"
#include "server/api/status.h"
#include "server/api/wire.h"

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

// One call, of whatever method: from its metadata to its status and its line in the audit log. It ends exactly once,
// deletes itself in OnDone(), and may be gone when End() returns.
class AdminCall final : public grpc::ServerGenericBidiReactor {
 public:
  struct Method {
    const char* path;
    void (AdminCall::*run)();
  };
  static const std::array<Method, 4> kMethods;

  // Null `method`: there is none of that path. `context` is gRPC's, until OnDone().
  AdminCall(const ModelAdminOptions& options, ModelStore& store, const AuditLog& audit, const Method* method,
            std::string path, grpc::CallbackServerContext& context)
      : options_(options),
        store_(store),
        audit_(audit),
        method_(method),
        path_(std::move(path)),
        identity_(options.identity_of(context)),
        call_(BeginCall(method == nullptr ? absl::string_view() : NameOf(*method), context)) {}

  void Start() {
    if (method_ == nullptr) return End(absl::UnimplementedError("the administration has no such method"));
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (ok) return (this->*method_->run)();
    // gRPC answers a message over the limit itself, RESOURCE_EXHAUSTED, and tells it from none at all to nobody else.
    End(absl::InvalidArgumentError("no message came through: it was too large, there was none, or its client left"));
  }
  void OnDone() override { delete this; }

 private:
  void ListModels() {
    v1::ListModelsRequest request;
    const absl::Status parsed = ParseMessage(request_, request);
    if (!parsed.ok()) return End(parsed);
    v1::ListModelsResponse response;
    for (const ModelStatus& model : store_.List()) *response.add_models() = ToProto(model);
    Reply(response);
  }

  void LoadModel() {
    const absl::StatusOr<std::string> name = TakeName<v1::LoadModelRequest>();
    if (!name.ok()) return End(name.status());
    store_.Load(*name, [this, name = *name](const absl::Status& status) {
      if (!status.ok()) return End(status);
      v1::LoadModelResponse response;
      const std::vector<ModelStatus> models = store_.List();
      const auto model =
          std::find_if(models.begin(), models.end(), [&name](const auto& one) { return one.name == name; });
      if (model != models.end()) *response.mutable_model() = ToProto(*model);
      Reply(response);
    });
  }

  void UnloadModel() {
    const absl::StatusOr<std::string> name = TakeName<v1::UnloadModelRequest>();
    if (!name.ok()) return End(name.status());
    store_.Unload(*name, [this](const absl::Status& status) {
      return status.ok() ? Reply(v1::UnloadModelResponse()) : End(status);
    });
  }

  void SetDefaultModel() {
    const absl::StatusOr<std::string> name = TakeName<v1::SetDefaultModelRequest>();
    if (!name.ok()) return End(name.status());
    store_.SetDefault(*name, [this](const absl::Status& status) {
      return status.ok() ? Reply(v1::SetDefaultModelResponse()) : End(status);
    });
  }

  // "LoadModel".
  static absl::string_view NameOf(const Method& method) {
    const absl::string_view path(method.path);
    return path.substr(path.rfind('/') + 1);
  }

  // The model that the request names.
  template <typename Request>
  absl::StatusOr<std::string> TakeName() {
    Request request;
    const absl::Status parsed = ParseMessage(request_, request);
    if (!parsed.ok()) return parsed;
    target_ = request.name();
    return request.name();
  }

  template <typename Response>
  void Reply(const Response& response) {
    absl::StatusOr<grpc::ByteBuffer> bytes = SerializeMessage(response);
    if (!bytes.ok()) return End(bytes.status());
    response_ = *std::move(bytes);
    Record(absl::OkStatus());
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }

  void End(const absl::Status& status) {
    Record(status);
    Finish(ToGrpcStatus(status));
  }

  void Record(const absl::Status& status) const {
    const grpc::Status grpc_status = ToGrpcStatus(status);
    audit_.Write({.who = identity_.caller.has_value() ? identity_.caller->name : identity_.client,
                  .role = identity_.caller.has_value() ? RoleName(identity_.caller->role) : absl::string_view(),
                  .peer = identity_.peer,
                  .method = path_,
                  .outcome = CodeName(grpc_status.error_code()),
                  .target = target_,
                  .request_id = call_.request_id});
    if (method_ != nullptr) return options_.on_call_finished(call_, grpc_status);
    if (options_.on_unknown_method) options_.on_unknown_method();
  }

  const ModelAdminOptions& options_;
  ModelStore& store_;
  const AuditLog& audit_;
  const Method* const method_;
  const std::string path_;
  const ClientIdentity identity_;
  const CallRecord call_;  // its method is empty when there is none
  std::string target_;     // the model that the call is about
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
};

constexpr std::array<AdminCall::Method, 4> AdminCall::kMethods = {{
    {"/bayespfl.admin.v1.ModelAdminService/ListModels", &AdminCall::ListModels},
    {"/bayespfl.admin.v1.ModelAdminService/LoadModel", &AdminCall::LoadModel},
    {"/bayespfl.admin.v1.ModelAdminService/UnloadModel", &AdminCall::UnloadModel},
    {"/bayespfl.admin.v1.ModelAdminService/SetDefaultModel", &AdminCall::SetDefaultModel},
}};

// The methods as gRPC's generated code would register raw streams. The unary methods that it generates are not called
// for a message over the limit.
class AdminMethods final : public grpc::Service {
 public:
  using NewCall =
      std::function<grpc::ServerGenericBidiReactor*(const AdminCall::Method&, grpc::CallbackServerContext&)>;

  explicit AdminMethods(const NewCall& new_call) {
    for (size_t i = 0; i < AdminCall::kMethods.size(); ++i) {
      const AdminCall::Method& method = AdminCall::kMethods.at(i);
      AddMethod(new grpc::internal::RpcServiceMethod(method.path, grpc::internal::RpcMethod::BIDI_STREAMING, nullptr));
      MarkMethodRawCallback(
          static_cast<int>(i),
          new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
              [&method, new_call](grpc::CallbackServerContext* context) { return new_call(method, *context); }));
    }
  }
};

}  // namespace

absl::string_view ModelAdminService::FullName() { return v1::ModelAdminService::service_full_name(); }

ModelAdminService::ModelAdminService(ModelAdminOptions options, ModelStore& store, const AuditLog& audit)
    : options_(std::move(options)), store_(store), audit_(audit) {
  methods_ =
      std::make_unique<AdminMethods>([this](const AdminCall::Method& method, grpc::CallbackServerContext& context) {
        auto* call =
            new AdminCall(options_, store_, audit_, &method, method.path, context);  // deletes itself in OnDone()
        call->Start();
        return call;
      });
}

void ModelAdminService::RegisterWith(grpc::ServerBuilder& builder) {
  builder.RegisterService(methods_.get());
  builder.RegisterCallbackGenericService(this);
}

grpc::ServerGenericBidiReactor* ModelAdminService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  auto* call = new AdminCall(options_, store_, audit_, nullptr, context->method(), *context);
  call->Start();
  return call;
}

}  // namespace bayespfl::server
