// What the server does with connections, over real sockets: pings both ways, peers that are gone, and old age.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/raw_connection.h"
#include "tests/server/service_fixture.h"
#include "tests/server/tcp_proxy.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

constexpr std::chrono::seconds kMargin(20);  // for a machine that is busy

class ConnectionsTest : public ServiceTest {
 protected:
  void SetUp() override {}  // each test starts its own

  static std::unique_ptr<v1::InspectionService::Stub> StubOf(const std::string& address) {
    return v1::InspectionService::NewStub(Connect(address));
  }

  // Sends a frame and reads its reply; none: the stream has ended.
  static std::optional<v1::InspectStreamResponse> Exchange(StreamClient& stream, uint64_t seed) {
    v1::InspectStreamResponse reply;
    stream.Write(MakeFrame(std::to_string(seed), seed));
    return stream.Read(&reply) ? std::optional(reply) : std::nullopt;
  }

  static grpc::Status Inspect(v1::InspectionService::Stub& stub) {
    grpc::ClientContext context;
    v1::InspectResponse response;
    return stub.Inspect(&context, MakeRequest(), &response);
  }
};

// ---- Pings of clients ----------------------------------------------------------------------------------------------

// HTTP/2 without calls: what RFC 9113 asks of a client's first bytes, and a PING whose answer is the same frame with
// the flag ACK.
constexpr absl::string_view kPreface("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0", 33);
constexpr absl::string_view kPing("\0\0\10\6\0\0\0\0\0bayespfl", 17);
constexpr absl::string_view kPingAnswer("\0\0\10\6\1\0\0\0\0bayespfl", 17);

size_t Count(absl::string_view text, absl::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != absl::string_view::npos; at = text.find(part, at + part.size())) ++count;
  return count;
}

TEST_F(ConnectionsTest, AClientWithoutCallsMayPingAsOftenAsPermitted) {
  constexpr std::chrono::seconds kInterval(1);
  constexpr size_t kPings = 5;  // gRPC closes after the third that is too early, which is at best the fourth
  ServerConfig config = DefaultConfig();
  config.min_ping_interval_seconds = static_cast<int>(kInterval.count());
  Start(config, Loader());
  const RawConnection connection(server_->port());
  connection.Send(kPreface);

  std::string received;
  auto next = Clock::now();
  for (size_t ping = 0; ping < kPings; ++ping) {
    std::this_thread::sleep_until(next);
    next += kInterval;
    ASSERT_TRUE(connection.Send(kPing));
    received += connection.ReadUntil([&](const std::string& more) { return Count(more, kPingAnswer) == 1; });
  }

  EXPECT_EQ(Count(received, kPingAnswer), kPings);
}

TEST_F(ConnectionsTest, AClientThatPingsMoreOftenIsSentAway) {
  ServerConfig config = DefaultConfig();
  config.min_ping_interval_seconds = 3600;
  Start(config, Loader());
  const RawConnection connection(server_->port());
  connection.Send(kPreface);

  for (int ping = 0; ping < 4; ++ping) connection.Send(kPing);

  EXPECT_THAT(connection.ReadToEnd(), HasSubstr("too_many_pings"));
}

TEST_F(ConnectionsTest, AQuietStreamOfAClientThatPingsAsOftenAsPermittedStaysOpen) {
  ServerConfig config = DefaultConfig();
  config.min_ping_interval_seconds = 1;
  Start(config, Loader());
  grpc::ChannelArguments arguments;
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 1000);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  const auto stub = v1::InspectionService::NewStub(
      grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments));
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(6));  // six pings
  const std::unique_ptr<StreamClient> stream = stub->InspectStream(&context);
  stream->Write(MakeConfiguration());

  v1::InspectStreamResponse reply;
  EXPECT_FALSE(stream->Read(&reply));

  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(ConnectionsTest, ThePortOfTheAdministrationHasTheSameRules) {
  ServerConfig config = DefaultConfig();
  config.admin_port = 0;
  config.min_ping_interval_seconds = 3600;
  Start(config, Loader());
  const std::string address = server_->admin_address();
  const RawConnection connection(std::stoi(address.substr(address.rfind(':') + 1)));
  connection.Send(kPreface);

  for (int ping = 0; ping < 4; ++ping) connection.Send(kPing);

  EXPECT_THAT(connection.ReadToEnd(), HasSubstr("too_many_pings"));
}

// ---- Clients that are gone -----------------------------------------------------------------------------------------

TEST_F(ConnectionsTest, AClientThatIsSilentlyGoneLosesItsStreamAndItsPlace) {
  constexpr std::chrono::seconds kTime(1);
  constexpr std::chrono::seconds kTimeout(1);
  ServerConfig config = DefaultConfig();
  config.keepalive_time_seconds = static_cast<int>(kTime.count());
  config.keepalive_timeout_seconds = static_cast<int>(kTimeout.count());
  config.max_streams_per_client = 1;
  Start(config, Loader());
  TcpProxy proxy(server_->port());
  const auto camera = StubOf(proxy.address());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = camera->InspectStream(&context);
  stream->Write(MakeConfiguration());
  ASSERT_TRUE(Exchange(*stream, 1).has_value());

  proxy.FallSilent();
  const auto gone = Clock::now();

  // The same client, by its address, on another connection: its one place is taken, and then it is not.
  const auto open = [this] {
    grpc::ClientContext next_context;
    const std::unique_ptr<StreamClient> next = stub_->InspectStream(&next_context);
    next->WritesDone();
    return next->Finish().error_code();
  };
  EXPECT_EQ(open(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_TRUE(Eventually([&] { return open() == grpc::StatusCode::OK; }));
  EXPECT_LT(Clock::now() - gone, kTime + kTimeout + kMargin);
  WaitForMetric("bayespfl_streams_open 0");
  context.TryCancel();  // it will never hear of its end
}

TEST_F(ConnectionsTest, AQuietClientThatIsThereKeepsItsStream) {
  ServerConfig config = DefaultConfig();
  config.keepalive_time_seconds = 1;
  config.keepalive_timeout_seconds = 1;
  Start(config, Loader());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(4));  // three pings, and some answer
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());

  v1::InspectStreamResponse reply;
  EXPECT_FALSE(stream->Read(&reply));

  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

// ---- max_connection_age --------------------------------------------------------------------------------------------

ServerConfig AgeingConfig(ServerConfig config, int connection_age, int stream_age) {
  config.max_connection_age_seconds = connection_age;
  config.max_stream_age_seconds = stream_age;
  return config;
}

TEST_F(ConnectionsTest, AnOldConnectionTakesNoNewCallsAndItsStreamEndsInOrder) {
  Start(AgeingConfig(DefaultConfig(), /*connection_age=*/1, /*stream_age=*/3), Loader());
  detector_->ForgetBatches();
  TcpProxy proxy(server_->port());
  const auto stub = StubOf(proxy.address());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub->InspectStream(&context);
  stream->Write(MakeConfiguration());
  ASSERT_TRUE(Exchange(*stream, 0).has_value());
  size_t answered = 1;
  size_t calls = 0;

  // The connection's age comes first: a call between two frames of the stream goes its own way.
  while (proxy.connections() == 1) {
    ASSERT_TRUE(Exchange(*stream, answered).has_value()) << "the stream ended before its connection";
    ++answered;
    ASSERT_TRUE(Inspect(*stub).ok());
    ++calls;
  }
  for (std::optional<v1::InspectStreamResponse> reply; (reply = Exchange(*stream, answered)); ++answered) {
    EXPECT_TRUE(reply->has_result()) << reply->ShortDebugString();
  }

  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_MAX_STREAM_AGE);
  EXPECT_EQ(detector_->batches().size(), answered + calls) << "a frame that was read stayed without its answer";
  EXPECT_TRUE(Inspect(*stub).ok());
}

TEST_F(ConnectionsTest, NoUnaryCallFailsOverSeveralAges) {
  Start(AgeingConfig(DefaultConfig(), /*connection_age=*/1, /*stream_age=*/1), Loader());
  const TcpProxy proxy(server_->port());
  const auto stub = StubOf(proxy.address());

  while (proxy.connections() < 4) {
    const grpc::Status status = Inspect(*stub);
    ASSERT_TRUE(status.ok()) << status.error_message();
  }
}

}  // namespace
}  // namespace bayespfl::server
