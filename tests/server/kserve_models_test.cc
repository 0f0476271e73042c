// One of two models, chosen over the Open Inference Protocol and a real socket.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <map>
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

  // Asks each call that takes a version for it; their names, with the code and the message.
  std::map<std::string, grpc::Status> AskEach(const std::string& model, const std::string& version) {
    std::map<std::string, grpc::Status> answers;
    answers["ModelInfer"] = Infer(RequestFor(model, version));
    answers["ModelReady"] = Ask<inference::ModelReadyRequest, inference::ModelReadyResponse>(
        &inference::GRPCInferenceService::Stub::ModelReady, model, version);
    answers["ModelMetadata"] = Ask<inference::ModelMetadataRequest, inference::ModelMetadataResponse>(
        &inference::GRPCInferenceService::Stub::ModelMetadata, model, version);
    answers["ModelConfig"] = Ask<inference::ModelConfigRequest, inference::ModelConfigResponse>(
        &inference::GRPCInferenceService::Stub::ModelConfig, model, version);
    answers["ModelStatistics"] = Ask<inference::ModelStatisticsRequest, inference::ModelStatisticsResponse>(
        &inference::GRPCInferenceService::Stub::ModelStatistics, model, version);
    return answers;
  }

  template <typename Request, typename Response>
  grpc::Status Ask(grpc::Status (inference::GRPCInferenceService::Stub::*call)(grpc::ClientContext*, const Request&,
                                                                               Response*),
                   const std::string& model, const std::string& version, Response* response = nullptr) {
    grpc::ClientContext context;
    Request request;
    request.set_name(model);
    request.set_version(version);
    Response ignored;
    return ((*stub_).*call)(&context, request, response != nullptr ? response : &ignored);
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

TEST_F(KserveModelsTest, EveryCallTakesTheVersionThatIsThereAndNone) {
  for (const std::string version : {"1-b", ""}) {
    for (const auto& [call, status] : AskEach("b", version)) EXPECT_TRUE(status.ok()) << call << " of " << version;
  }
}

TEST_F(KserveModelsTest, OfAnotherVersionEveryCallSaysWhichOneThereIs) {
  for (const auto& [call, status] : AskEach("b", "1-a")) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << call;
    EXPECT_EQ(status.error_message(), "there is no such version of b; 1-b is loaded") << call;
  }
}

TEST_F(KserveModelsTest, OfAnotherModelEveryCallSaysWhichOnesThereAre) {
  for (const auto& [call, status] : AskEach("c", "")) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::NOT_FOUND) << call;
    EXPECT_EQ(status.error_message(), "no model of that name is loaded; there are: a, b") << call;
  }
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

TEST_F(KserveModelsTest, StatisticsAreOfTheModelOfTheNameOrOfAll) {
  ASSERT_TRUE(Infer(RequestFor("b")).ok());
  inference::ModelStatisticsResponse of_one;
  inference::ModelStatisticsResponse of_all;

  ASSERT_TRUE(Ask(&inference::GRPCInferenceService::Stub::ModelStatistics, "b", "", &of_one).ok());
  ASSERT_TRUE(Ask(&inference::GRPCInferenceService::Stub::ModelStatistics, "", "", &of_all).ok());

  ASSERT_EQ(of_one.model_stats_size(), 1);
  EXPECT_EQ(of_one.model_stats(0).name(), "b");
  EXPECT_EQ(of_one.model_stats(0).version(), "1");  // TritonVersion()
  EXPECT_EQ(of_one.model_stats(0).inference_count(), 1U);
  ASSERT_EQ(of_all.model_stats_size(), 2);
  EXPECT_EQ(of_all.model_stats(0).name(), "a");
  EXPECT_EQ(of_all.model_stats(0).inference_count(), 0U);
  EXPECT_EQ(of_all.model_stats(1).inference_count(), 1U);
}

TEST_F(KserveModelsTest, TheIndexListsTheModelsOfTheStore) {
  grpc::ClientContext context;
  inference::RepositoryIndexResponse index;

  ASSERT_TRUE(stub_->RepositoryIndex(&context, {}, &index).ok());

  ASSERT_EQ(index.models_size(), 2);
  EXPECT_EQ(index.models(0).name(), "a");
  EXPECT_EQ(index.models(1).name(), "b");
  EXPECT_EQ(index.models(1).version(), "1-b");
  EXPECT_EQ(index.models(1).state(), "READY");
}

TEST_F(KserveModelsTest, ThereIsNoRepositoryOfAnyName) {
  grpc::ClientContext context;
  inference::RepositoryIndexRequest request;
  request.set_repository_name("models");
  inference::RepositoryIndexResponse index;

  const grpc::Status status = stub_->RepositoryIndex(&context, request, &index);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(status.error_message(), "repository_name is given; the only repository has no name, so leave it empty");
}

}  // namespace
}  // namespace bayespfl::server
