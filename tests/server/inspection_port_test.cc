#include "server/runtime/inspection_port.h"

#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "inference/grpc_service.grpc.pb.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using ::grpc::health::v1::HealthCheckResponse;
using ::testing::HasSubstr;

constexpr char kName[] = "bayespfl.inspection.v1.InspectionService";

class InspectionPortTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::unique_ptr<InspectionPort>> Start(int port = 0) {
    return InspectionPort::Start({.host = "127.0.0.1",
                                  .port = port,
                                  .max_message_bytes = 1 << 20,
                                  .credentials = grpc::InsecureServerCredentials(),
                                  .services = {{kName, &service_}},
                                  .events = {.on_unknown_method = [this] { ++unknown_; },
                                             .on_connection_refused = {},
                                             .on_connection_shortage = {},
                                             .on_connections_broken = {}}});
  }
  static std::shared_ptr<grpc::Channel> Connect(const InspectionPort& port) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    return grpc::CreateCustomChannel(absl::StrCat("127.0.0.1:", port.port()), grpc::InsecureChannelCredentials(),
                                     arguments);
  }
  // NOT_FOUND's number, 5, is no ServingStatus.
  static int Health(const InspectionPort& port, const std::string& service) {
    grpc::ClientContext context;
    grpc::health::v1::HealthCheckRequest request;
    request.set_service(service);
    HealthCheckResponse response;
    const grpc::Status status = grpc::health::v1::Health::NewStub(Connect(port))->Check(&context, request, &response);
    return status.ok() ? static_cast<int>(response.status()) : static_cast<int>(status.error_code());
  }

  v1::InspectionService::Service service_;  // answers UNIMPLEMENTED
  std::atomic<int> unknown_{0};
};

TEST_F(InspectionPortTest, SaysNotServingUntilItIsToldOtherwise) {
  auto port = Start();
  ASSERT_TRUE(port.ok()) << port.status();
  for (const std::string service : {"", kName}) {
    EXPECT_EQ(Health(**port, service), HealthCheckResponse::NOT_SERVING) << service;
  }

  (*port)->SetServing(true);
  for (const std::string service : {"", kName}) {
    EXPECT_EQ(Health(**port, service), HealthCheckResponse::SERVING) << service;
  }
  EXPECT_EQ(Health(**port, "no.such.Service"), static_cast<int>(grpc::StatusCode::NOT_FOUND));

  (*port)->SetServing(false);
  EXPECT_EQ(Health(**port, ""), HealthCheckResponse::NOT_SERVING);
}

TEST_F(InspectionPortTest, CountsCallsOfMethodsThatNoServiceHas) {
  auto port = Start();
  ASSERT_TRUE(port.ok()) << port.status();
  grpc::ClientContext context;
  inference::ServerLiveResponse response;

  const grpc::Status status =
      inference::GRPCInferenceService::NewStub(Connect(**port))->ServerLive(&context, {}, &response);

  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_EQ(unknown_, 1);
}

TEST_F(InspectionPortTest, SharesItsAddressWithNobody) {
  auto first = Start();
  ASSERT_TRUE(first.ok()) << first.status();

  const auto second = Start((*first)->port());

  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(absl::StrCat("127.0.0.1:", (*first)->port())));
}

TEST_F(InspectionPortTest, IsClosedAfterTheShutdown) {
  auto port = Start();
  ASSERT_TRUE(port.ok()) << port.status();
  const int number = (*port)->port();

  (*port)->Shutdown(std::chrono::seconds(0));

  EXPECT_TRUE(Start(number).ok());
}

}  // namespace
}  // namespace bayespfl::server
