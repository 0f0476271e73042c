#include "server/api/admin_service.h"

#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/records.h"
#include "server/api/status.h"

namespace bayespfl::server {
namespace {

// "LoadModel".
absl::string_view NameOf(absl::string_view path) { return path.substr(path.rfind('/') + 1); }

// One call, of whatever method: from its metadata to its status and its line in the audit log. It deletes itself in
// OnDone().
class AdminReactor final : public grpc::ServerGenericBidiReactor, public AdminCall {
 public:
  // Null `method`: there is none of that path. `context` is gRPC's, until OnDone().
  AdminReactor(const AdminOptions& options, const AuditLog& audit, const AdminMethod* method, std::string path,
               grpc::CallbackServerContext& context)
      : options_(options),
        audit_(audit),
        method_(method),
        path_(std::move(path)),
        identity_(options.identity_of(context)),
        call_(BeginCall(method == nullptr ? absl::string_view() : NameOf(path_), context)) {}

  void Start() {
    if (method_ == nullptr) return End(absl::UnimplementedError("the administration has no such method"));
    StartRead(&request_);
  }

  void OnReadDone(bool ok) override {
    if (ok) return method_->run(*this);
    // gRPC answers a message over the limit itself, RESOURCE_EXHAUSTED, and tells it from none at all to nobody else.
    End(absl::InvalidArgumentError("no message came through: it was too large, there was none, or its client left"));
  }
  void OnDone() override { delete this; }

  void Reply(const google::protobuf::Message& response) override {
    absl::StatusOr<grpc::ByteBuffer> bytes = SerializeMessage(response);
    if (!bytes.ok()) return End(bytes.status());
    response_ = *std::move(bytes);
    Record(absl::OkStatus());
    StartWriteAndFinish(&response_, grpc::WriteOptions(), grpc::Status::OK);
  }

  void End(const absl::Status& status) override {
    Record(status);
    Finish(ToGrpcStatus(status));
  }

 private:
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

  const AdminOptions& options_;
  const AuditLog& audit_;
  const AdminMethod* const method_;
  const std::string path_;
  const ClientIdentity identity_;
  const CallRecord call_;  // its method is empty when there is none
  grpc::ByteBuffer response_;
};

// The methods of a service as gRPC's generated code would register raw streams. The unary methods that it generates are
// not called for a message over the limit.
class RawMethods final : public grpc::Service {
 public:
  using NewCall = std::function<grpc::ServerGenericBidiReactor*(const AdminMethod&, grpc::CallbackServerContext&)>;

  // `methods` outlives the service.
  RawMethods(const std::vector<AdminMethod>& methods, const NewCall& new_call) {
    for (size_t i = 0; i < methods.size(); ++i) {
      const AdminMethod& method = methods[i];
      AddMethod(new grpc::internal::RpcServiceMethod(method.path.c_str(), grpc::internal::RpcMethod::BIDI_STREAMING,
                                                     nullptr));
      MarkMethodRawCallback(
          static_cast<int>(i),
          new grpc::internal::CallbackBidiHandler<grpc::ByteBuffer, grpc::ByteBuffer>(
              [&method, new_call](grpc::CallbackServerContext* context) { return new_call(method, *context); }));
    }
  }
};

}  // namespace

AdminService::AdminService(AdminOptions options, std::vector<std::vector<AdminMethod>> services, const AuditLog& audit)
    : options_(std::move(options)), methods_(std::move(services)), audit_(audit) {
  for (const std::vector<AdminMethod>& methods : methods_) {
    services_.push_back(
        std::make_unique<RawMethods>(methods, [this](const AdminMethod& method, grpc::CallbackServerContext& context) {
          auto* call = new AdminReactor(options_, audit_, &method, method.path, context);  // deletes itself in OnDone()
          call->Start();
          return call;
        }));
  }
}

AdminService::~AdminService() = default;

void AdminService::RegisterWith(grpc::ServerBuilder& builder) {
  for (const std::unique_ptr<grpc::Service>& service : services_) builder.RegisterService(service.get());
  builder.RegisterCallbackGenericService(this);
}

grpc::ServerGenericBidiReactor* AdminService::CreateReactor(grpc::GenericCallbackServerContext* context) {
  auto* call = new AdminReactor(options_, audit_, nullptr, context->method(), *context);
  call->Start();
  return call;
}

}  // namespace bayespfl::server
