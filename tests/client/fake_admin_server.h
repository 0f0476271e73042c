// An administration port without a server behind it, over a real socket of this machine.
#ifndef BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_
#define BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server.h>
#include <grpcpp/server_builder.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"

namespace bayespfl::testing {

// Does as it is told, and keeps what it was told: "load line-a". A model "broken" is refused with DATA_LOSS, the log
// level "loud" with INVALID_ARGUMENT. Its drain takes three calls: LAME_DUCK with a frame in flight, DRAINING with one,
// and nothing.
class FakeAdminServer final : public admin::v1::ModelAdminService::Service {
 public:
  FakeAdminServer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port_);
    builder.RegisterService(this);
    builder.RegisterService(&server_admin_);
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

  // The service of the server itself.
  class ServerAdmin final : public admin::v1::ServerAdminService::Service {
   public:
    explicit ServerAdmin(FakeAdminServer& owner) : owner_(owner) {}

    grpc::Status GetLogLevel(grpc::ServerContext*, const admin::v1::GetLogLevelRequest*,
                             admin::v1::GetLogLevelResponse* response) override {
      response->mutable_log_level()->set_level("info");
      response->mutable_log_level()->set_configured("info");
      return owner_.Call("log-level", "?");
    }
    grpc::Status SetLogLevel(grpc::ServerContext*, const admin::v1::SetLogLevelRequest* request,
                             admin::v1::SetLogLevelResponse* response) override {
      if (request->level() == "loud") return {grpc::StatusCode::INVALID_ARGUMENT, "level is \"loud\""};
      response->mutable_log_level()->set_level(request->level().empty() ? "info" : request->level());
      response->mutable_log_level()->set_configured("info");
      if (request->has_duration()) response->mutable_log_level()->mutable_until()->set_seconds(1'700'000'000);
      return owner_.Call("log-level", request->level() + " " + std::to_string(request->duration().seconds()));
    }
    grpc::Status Drain(grpc::ServerContext*, const admin::v1::DrainRequest*,
                       admin::v1::DrainResponse* response) override {
      const int call = ++drains_;
      response->set_phase(call == 1 ? admin::v1::SERVER_PHASE_LAME_DUCK : admin::v1::SERVER_PHASE_DRAINING);
      response->set_frames_in_flight(call < 3 ? 1 : 0);
      response->set_streams_open(call < 3 ? 1 : 0);
      response->set_calls_open(call < 3 ? 2 : 0);
      return owner_.Call("drain", std::to_string(call));
    }
    grpc::Status GetConfiguration(grpc::ServerContext*, const admin::v1::GetConfigurationRequest*,
                                  admin::v1::GetConfigurationResponse* response) override {
      response->set_server_version("1.2.3");
      response->set_config_file("/etc/server.yaml");
      admin::v1::Setting& threads = *response->add_settings();
      threads.set_key("compute_threads");
      threads.set_value("0");
      threads.set_in_use("4");
      threads.set_source(admin::v1::SETTING_SOURCE_DEFAULT);
      admin::v1::Setting& batch = *response->add_settings();
      batch.set_key("max_batch");
      batch.set_value("8");
      batch.set_in_use("8");
      batch.set_source(admin::v1::SETTING_SOURCE_FLAG);
      batch.set_place("--max-batch");
      response->add_models()->set_name("line-a");
      response->mutable_models(0)->set_digest("00ff");
      response->mutable_certificate()->set_sha256("abcd");
      response->mutable_certificate()->mutable_not_after()->set_seconds(1'700'000'000);
      response->mutable_tokens()->set_sha256("ef");
      response->mutable_tokens()->set_tokens(2);
      return owner_.Call("configuration", "");
    }

   private:
    FakeAdminServer& owner_;
    std::atomic<int> drains_{0};
  };

  ServerAdmin server_admin_{*this};
  mutable absl::Mutex mu_;
  std::vector<std::string> calls_ ABSL_GUARDED_BY(mu_);
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_CLIENT_FAKE_ADMIN_SERVER_H_
