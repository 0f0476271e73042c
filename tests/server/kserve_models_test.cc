// One of two models, chosen over the Open Inference Protocol and a real socket.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "tests/server/fake_detector.h"
#include "tests/server/kserve_server_test.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using inference::ModelInferRequest;
using inference::ModelInferResponse;

// Serves the models "a", the default, in version "1-a" and "b" in version "1-b".
class KserveModelsTest : public KserveServerTest {
 protected:
  void SetUp() override {
    ServerConfig config = DefaultConfig();
    config.model_root = folder_.path();
    config.models = "a,b";
    for (const char* name : {"a", "b"}) fs::create_directories(fs::path(folder_.path()) / name);
    auto server = InspectionServer::Start({.config = config, .loader = Load, .logger = nullptr});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    channel_ = grpc::CreateChannel(server_->grpc_address(), grpc::InsecureChannelCredentials());
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  static absl::StatusOr<Replicas> Load(const std::string& folder) {
    return ReplicasOf({std::make_shared<FakeDetector>("1-" + fs::path(folder).filename().string())});
  }

  static ModelInferRequest RequestFor(const std::string& model, const std::string& version = "") {
    ModelInferRequest request = MakeRequest();
    request.set_model_name(model);
    request.set_model_version(version);
    return request;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(KserveModelsTest, TheModelOfTheNameAnswers) {
  for (const std::string name : {"a", "b"}) {
    ModelInferResponse response;
    ASSERT_TRUE(Infer(RequestFor(name), &response).ok());
    EXPECT_EQ(response.model_name(), name);
    EXPECT_EQ(response.model_version(), "1-" + name);
  }
}

TEST_F(KserveModelsTest, TheVersionOfAnotherModelIsNotFound) {
  EXPECT_TRUE(Infer(RequestFor("b", "1-b")).ok());
  EXPECT_EQ(Infer(RequestFor("b", "1-a")).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(KserveModelsTest, TheDefaultModelHasToBeNamedToo) {
  EXPECT_EQ(Infer(RequestFor("")).error_code(), grpc::StatusCode::NOT_FOUND);
}

TEST_F(KserveModelsTest, DescribesTheModelOfTheName) {
  grpc::ClientContext context;
  inference::ModelMetadataRequest request;
  request.set_name("b");
  inference::ModelMetadataResponse response;

  ASSERT_TRUE(stub_->ModelMetadata(&context, request, &response).ok());

  EXPECT_EQ(response.name(), "b");
  ASSERT_EQ(response.versions_size(), 1);
  EXPECT_EQ(response.versions(0), "1-b");
}

}  // namespace
}  // namespace bayespfl::server
