// An administration port without a server behind it, over a real socket of this machine.
#ifndef BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_
#define BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"

namespace bayespfl::testing {

// Does as it is told, and keeps what it was told: "load line-a". A model "broken" is refused with DATA_LOSS.
class FakeAdminServer final : public admin::v1::ModelAdminService::Service {
 public:
  FakeAdminServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~FakeAdminServer() override { server_->Shutdown(std::chrono::system_clock::now()); }

  std::string target() const { return "127.0.0.1:" + std::to_string(port_); }
  std::vector<std::string> calls() const {
    absl::MutexLock lock(&mu_);
    return calls_;
  }

  grpc::Status ListModels(grpc::ServerContext*, const admin::v1::ListModelsRequest*,
                          admin::v1::ListModelsResponse* response) override {
    response->add_models()->set_name("line-a");
    return grpc::Status::OK;
  }
  grpc::Status LoadModel(grpc::ServerContext*, const admin::v1::LoadModelRequest* request,
                         admin::v1::LoadModelResponse* response) override {
    response->mutable_model()->set_name(request->name());
    response->mutable_model()->set_version("1.0.0+00ff");
    response->mutable_model()->set_device("cpu");
    return Call("load", request->name());
  }
  grpc::Status UnloadModel(grpc::ServerContext*, const admin::v1::UnloadModelRequest* request,
                           admin::v1::UnloadModelResponse*) override {
    return Call("unload", request->name());
  }
  grpc::Status SetDefaultModel(grpc::ServerContext*, const admin::v1::SetDefaultModelRequest* request,
                               admin::v1::SetDefaultModelResponse*) override {
    return Call("default", request->name());
  }

 private:
  grpc::Status Call(const std::string& what, const std::string& name) {
    absl::MutexLock lock(&mu_);
    calls_.push_back(what + " " + name);
    if (name == "broken") return {grpc::StatusCode::DATA_LOSS, "weights.safetensors is cut short"};
    return grpc::Status::OK;
  }

  mutable absl::Mutex mu_;
  std::vector<std::string> calls_ ABSL_GUARDED_BY(mu_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_
