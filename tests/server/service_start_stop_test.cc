// What happens before a server is ready and after it was told to stop: health, the warm-up, clients that hold it up.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include "base/http_library.h"

#include <chrono>
#include <cstddef>
#include <future>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/descriptor.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpc/health/v1/health.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

using ::grpc::health::v1::HealthCheckResponse;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;

class StartStopTest : public ServiceTest {
 protected:
  // grpc.health.v1's words for the server and for both services.
  std::vector<HealthCheckResponse::ServingStatus> Health() {
    const auto stub = grpc::health::v1::Health::NewStub(channel_);
    std::vector<HealthCheckResponse::ServingStatus> words;
    for (const char* name : {"", "bayespfl.inspection.v1.InspectionService", "inference.GRPCInferenceService"}) {
      grpc::ClientContext context;
      grpc::health::v1::HealthCheckRequest request;
      request.set_service(name);
      HealthCheckResponse response;
      const grpc::Status status = stub->Check(&context, request, &response);
      EXPECT_TRUE(status.ok()) << name << ": " << status.error_message();
      words.push_back(response.status());
    }
    return words;
  }
};

// Whether this machine has IPv6's own address of itself.
bool HasIpv6() {
  const Descriptor socket(::socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_addr = in6addr_loopback;
  return bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
}

TEST_F(StartStopTest, AnAddressInBracketsIsThatOfBothPorts) {
  if (!HasIpv6()) GTEST_SKIP() << "this machine has no IPv6: nothing can listen on ::1";
  ServerConfig config = DefaultConfig();
  config.host = "[::1]";

  Start(config, Loader());

  EXPECT_EQ(server_->grpc_address(), absl::StrCat("[::1]:", server_->port()));
  const grpc::Status answered = Inspect(MakeRequest());
  EXPECT_TRUE(answered.ok()) << answered.error_message();
  const httplib::Result live = httplib::Client("::1", server_->http_port()).Get("/livez");
  ASSERT_TRUE(live);
  EXPECT_EQ(live->status, 200);
}

TEST_F(StartStopTest, IsHealthyOnlyBetweenLoadingAndDraining) {
  detector_->Hold();  // the warm-up waits
  Start(DefaultConfig(), Loader(), /*wait=*/false);
  EXPECT_THAT(Health(), Each(HealthCheckResponse::NOT_SERVING));

  detector_->Release();
  ASSERT_TRUE(server_->WaitUntilLoaded().ok());
  EXPECT_THAT(Health(), Each(HealthCheckResponse::SERVING));

  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  std::thread client([this] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  detector_->WaitForCalls(warm_up + 1);
  std::thread stopper([this] { server_->Shutdown(); });
  httplib::Client probe("127.0.0.1", server_->http_port());
  while (probe.Get("/readyz")->status != 503) std::this_thread::yield();
  EXPECT_THAT(Health(), Each(HealthCheckResponse::NOT_SERVING));

  detector_->Release();
  client.join();
  stopper.join();
}

TEST_F(StartStopTest, WarmsUpEveryBatchSize) {
  ServerConfig config = DefaultConfig();
  config.max_batch = 3;
  detector_->ForgetBatches();
  Start(config, Loader());

  std::vector<size_t> sizes;
  for (const auto& batch : detector_->batches()) sizes.push_back(batch.size());

  EXPECT_THAT(sizes, UnorderedElementsAre(1, 2, 3));
}

TEST_F(StartStopTest, AClientThatTakesNoRepliesHoldsAStopUpUntilTheDrainTimeoutOnly) {
  constexpr std::chrono::seconds kDrainTimeout(1);
  constexpr std::chrono::seconds kMargin(20);
  ServerConfig config = DefaultConfig();
  config.drain_timeout_seconds = static_cast<int>(kDrainTimeout.count());
  Start(config, Loader());
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // HTTP/2's window stays at 64 kB
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  const auto stub = v1::InspectionService::NewStub(
      grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
  stream->Write(configuration);
  v1::InspectStreamRequest frame = MakeFrame("0");
  // A reply takes 360 kB: more than the window, so that the first does not leave before the client reads.
  frame.mutable_frame()->mutable_image()->set_encoded(EncodePng(300, 300));
  stream->Write(frame);
  stream->Write(frame);
  WaitForMetric("bayespfl_frames_total{model=\"fake\",outcome=\"ok\"} 2");

  const auto start = std::chrono::steady_clock::now();
  const std::future<void> stop = std::async(std::launch::async, [this] { server_->Shutdown(); });
  const bool stopped = stop.wait_for(kDrainTimeout + kMargin) == std::future_status::ready;
  const auto took = std::chrono::steady_clock::now() - start;
  if (!stopped) context.TryCancel();  // so that this test ends in any case
  stop.wait();

  EXPECT_TRUE(stopped);
  EXPECT_GE(took, kDrainTimeout);
  v1::InspectStreamResponse reply;
  while (stream->Read(&reply)) continue;
  EXPECT_FALSE(stream->Finish().ok());
  EXPECT_THAT(server_->metrics(),
              HasSubstr("bayespfl_requests_total{code=\"CANCELLED\",method=\"InspectStream\"} 1\n"));
  EXPECT_THAT(server_->metrics(), HasSubstr("bayespfl_streams_open 0\n"));
}

}  // namespace
}  // namespace bayespfl::server
