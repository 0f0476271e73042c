// A server with a stand-in model, and a client of the Open Inference Protocol.
#ifndef BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_
#define BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <httplib.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/fake_executor.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/until.h"

namespace bayespfl::server {

inline std::string EncodePng(int width = 40, int height = 30) {
  cv::Mat picture(height, width, CV_8UC3);
  cv::randu(picture, 0, 255);
  std::vector<uint8_t> bytes;
  cv::imencode(".png", picture, bytes);
  return {bytes.begin(), bytes.end()};
}

// One picture with a seed.
inline inference::ModelInferRequest MakeRequest(int64_t seed = 42) {
  inference::ModelInferRequest request = MakeKserveRequest({EncodePng()});
  request.set_id(absl::StrCat("request ", seed));
  SetSeed(request, seed);
  return request;
}

// The elements of the output; fails the test when there is no such output.
template <typename Element>
std::vector<Element> OutputOf(const inference::ModelInferResponse& response, const std::string& name) {
  for (int i = 0; i < response.outputs_size(); ++i) {
    if (response.outputs(i).name() != name) continue;
    const std::string& raw = response.raw_output_contents(i);
    std::vector<Element> elements(raw.size() / sizeof(Element));
    std::memcpy(elements.data(), raw.data(), elements.size() * sizeof(Element));
    return elements;
  }
  ADD_FAILURE() << "no output " << name;
  return {};
}

class KserveServerTest : public ::testing::Test {
 protected:
  void SetUp() override { Start(DefaultConfig()); }
  void TearDown() override { executor_->Release(); }

  static ServerConfig DefaultConfig() {
    ServerConfig config;
    config.port = 0;
    config.http_port = 0;
    config.max_frames_in_flight = 8;
    config.max_batch = 1;
    config.drain_timeout_seconds = 20;
    return config;
  }

  // Starts a server; waits until it is ready unless told otherwise.
  void Start(const ServerConfig& config, bool wait = true) {
    server_.reset();
    auto server = InspectionServer::Start({.config = config, .loader = LoaderOf(executor_), .logger = nullptr});
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    if (wait) {
      ASSERT_TRUE(server_->WaitUntilLoaded().ok());
    }
    warm_up_ = executor_->batches().size();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  grpc::Status Infer(const inference::ModelInferRequest& request, inference::ModelInferResponse* response = nullptr) {
    grpc::ClientContext context;
    inference::ModelInferResponse ignored;
    return stub_->ModelInfer(&context, request, response != nullptr ? response : &ignored);
  }

  std::string Http(const std::string& path) {
    httplib::Client client("127.0.0.1", server_->http_port());
    const httplib::Result result = client.Get(path);
    return result ? result->body : "no answer";
  }

  void WaitForMetric(const std::string& line) {
    EXPECT_TRUE(Eventually([&] { return absl::StrContains(Http("/metrics"), line + "\n"); })) << line << "\n"
                                                                                              << Http("/metrics");
  }

  const std::shared_ptr<FakeExecutor> executor_ = std::make_shared<FakeExecutor>();
  std::unique_ptr<InspectionServer> server_;
  size_t warm_up_ = 0;  // calls of the executor before any test's frame
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_
