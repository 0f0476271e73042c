// A client of InspectionService on a server with the stand-in model.
#ifndef BAYESPFL_TESTS_SERVER_SERVICE_FIXTURE_H_
#define BAYESPFL_TESTS_SERVER_SERVICE_FIXTURE_H_

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/error_details.h"
#include "tests/server/pictures.h"
#include "tests/server/server_fixture.h"

namespace bayespfl::server {

namespace v1 = inspection::v1;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

inline v1::InspectRequest MakeRequest() {
  v1::InspectRequest request;
  request.mutable_image()->set_encoded(EncodePng());
  request.mutable_metadata()->set_frame_id("frame 1");
  request.mutable_options()->set_category("metal nut");
  request.mutable_options()->set_seed(42);
  return request;
}

inline v1::InspectStreamRequest MakeConfiguration(const std::string& category = "metal nut") {
  v1::InspectStreamRequest message;
  message.mutable_configuration()->mutable_options()->set_category(category);
  return message;
}

inline v1::InspectStreamRequest MakeFrame(const std::string& id, uint64_t seed = 1) {
  v1::InspectStreamRequest message;
  message.mutable_frame()->mutable_image()->set_encoded(EncodePng());
  message.mutable_frame()->mutable_metadata()->set_frame_id(id);
  message.mutable_frame()->mutable_options()->set_seed(seed);
  return message;
}

class ServiceTest : public ServerTest {
 protected:
  void SetUp() override { Start(DefaultConfig(), Loader()); }

  static ServerConfig DefaultConfig() {
    ServerConfig config = TestConfig();
    config.max_image_bytes = 1 << 20;
    config.max_image_pixels = 100'000;
    config.max_frames_in_flight = 8;
    config.drain_timeout_seconds = 20;
    return config;
  }

  ModelLoader Loader() { return LoaderOf(detector_); }

  // Starts a server and a client of it; waits until it is ready unless told otherwise.
  void Start(const ServerConfig& config, ModelLoader loader, bool wait = true) {
    ASSERT_NO_FATAL_FAILURE(StartServer({.config = config, .loader = std::move(loader), .logger = nullptr}, wait));
    channel_ = Connect(server_->grpc_address());
    stub_ = v1::InspectionService::NewStub(channel_);
  }

  grpc::Status Inspect(const v1::InspectRequest& request, v1::InspectResponse* response = nullptr) {
    grpc::ClientContext context;
    v1::InspectResponse ignored;
    return stub_->Inspect(&context, request, response != nullptr ? response : &ignored);
  }

  void ExpectInvalid(const v1::InspectRequest& request, const std::string& part) {
    const grpc::Status status = Inspect(request);
    EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT) << status.error_message();
    EXPECT_THAT(status.error_message(), ::testing::HasSubstr(part));
  }

  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::InspectionService::Stub> stub_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_SERVICE_FIXTURE_H_
