// A client of the Open Inference Protocol on a server with the stand-in model.
#ifndef BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_
#define BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/kserve_requests.h"
#include "tests/server/pictures.h"
#include "tests/server/server_fixture.h"

namespace bayespfl::server {

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

// The elements of an output of texts, likewise.
inline std::vector<std::string> TextsOf(const inference::ModelInferResponse& response, const std::string& name) {
  const std::vector<char> raw = OutputOf<char>(response, name);
  std::vector<std::string> texts;
  for (size_t at = 0; at + sizeof(uint32_t) <= raw.size();) {
    uint32_t length = 0;
    std::memcpy(&length, raw.data() + at, sizeof(length));
    at += sizeof(length);
    const size_t size = std::min<size_t>(length, raw.size() - at);
    texts.emplace_back(raw.data() + at, size);
    at += size;
  }
  return texts;
}

class KserveServerTest : public ServerTest {
 protected:
  void SetUp() override { Start(DefaultConfig()); }

  static ServerConfig DefaultConfig() {
    ServerConfig config = TestConfig();
    config.max_frames_in_flight = 8;
    config.drain_timeout_seconds = 20;
    return config;
  }

  // Starts a server and a client of it; waits until it is ready unless told otherwise.
  void Start(const ServerConfig& config, bool wait = true) {
    ASSERT_NO_FATAL_FAILURE(StartServer({.config = config, .loader = LoaderOf(detector_), .logger = nullptr}, wait));
    warm_up_ = detector_->batches().size();
    channel_ = Connect(server_->grpc_address());
    stub_ = inference::GRPCInferenceService::NewStub(channel_);
  }

  grpc::Status Infer(const inference::ModelInferRequest& request, inference::ModelInferResponse* response = nullptr) {
    grpc::ClientContext context;
    inference::ModelInferResponse ignored;
    return stub_->ModelInfer(&context, request, response != nullptr ? response : &ignored);
  }

  size_t warm_up_ = 0;  // calls of the detector before any test's frame
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<inference::GRPCInferenceService::Stub> stub_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_KSERVE_SERVER_TEST_H_
