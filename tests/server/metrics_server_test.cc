// What /metrics says about a real server, over real sockets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/server/raw_call.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"
#include "tests/server/upload.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;

class MetricsServerTest : public ServiceTest {
 protected:
  bool Becomes(const std::string& series, double value) const {
    return Eventually([&] { return Value(series) == value; });
  }
};

TEST_F(MetricsServerTest, ReadyAndDrainingFollowTheServer) {
  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_ready 1\n"), HasSubstr("bayespfl_draining 0\n"),
                                      Not(HasSubstr("bayespfl_draining_since_timestamp_seconds"))));
  detector_->Hold();
  std::thread client([&] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });
  WaitForMetric("bayespfl_frames_in_flight 1");
  const double before = std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();

  std::thread stop([&] { server_->Shutdown(); });

  WaitForMetric("bayespfl_draining 1");
  EXPECT_EQ(Value("bayespfl_ready"), 0);
  EXPECT_GE(Value("bayespfl_draining_since_timestamp_seconds"), before - 0.001);  // the page has fewer digits
  detector_->Release();
  client.join();
  stop.join();
  EXPECT_EQ(Value("bayespfl_draining"), 0);  // it has ended
}

TEST_F(MetricsServerTest, CountsConnectionsThatAreOpen) {
  ASSERT_TRUE(Inspect(MakeRequest()).ok());
  EXPECT_TRUE(Becomes("bayespfl_connections_open", 1));

  {
    const std::shared_ptr<grpc::Channel> second = Connect(server_->grpc_address());
    ASSERT_TRUE(second->WaitForConnected(std::chrono::system_clock::now() + std::chrono::seconds(30)));
    EXPECT_TRUE(Becomes("bayespfl_connections_open", 2));
  }

  EXPECT_TRUE(Becomes("bayespfl_connections_open", 1));
}

TEST_F(MetricsServerTest, CountsTheCallsOfTheConnectionThatHasMost) {
  EXPECT_EQ(Value("bayespfl_connection_calls_open"), 0);
  const std::shared_ptr<grpc::Channel> second = Connect(server_->grpc_address());
  const auto other = v1::InspectionService::NewStub(second);
  grpc::ClientContext contexts[4];
  for (size_t i = 0; i < 3; ++i) stub_->InspectStream(&contexts[i])->Write(MakeConfiguration());
  other->InspectStream(&contexts[3])->Write(MakeConfiguration());

  EXPECT_TRUE(Becomes("bayespfl_streams_open", 4));
  EXPECT_EQ(Value("bayespfl_connection_calls_open"), 3);
}

TEST_F(MetricsServerTest, ACallBeyondTheLimitOfItsConnectionIsKeptBackByItsClient) {
  ServerConfig config = DefaultConfig();
  config.max_calls_per_connection = 2;
  Start(config, Loader());
  ASSERT_TRUE(Inspect(MakeRequest()).ok());                   // the server has told its limit by then
  ASSERT_TRUE(Becomes("bayespfl_connection_calls_open", 0));  // a client has its reply before gRPC has ended the call
  grpc::ClientContext contexts[3];
  const std::unique_ptr<StreamClient> first = stub_->InspectStream(&contexts[0]);
  const std::unique_ptr<StreamClient> second = stub_->InspectStream(&contexts[1]);
  first->Write(MakeConfiguration());
  second->Write(MakeConfiguration());
  ASSERT_TRUE(Becomes("bayespfl_streams_open", 2));
  std::atomic<bool> began{false};
  std::thread third([&] {
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&contexts[2]);  // waits until it may begin
    began = true;
    EXPECT_TRUE(stream->Write(MakeConfiguration()));
    EXPECT_TRUE(stream->WritesDone());
    EXPECT_TRUE(stream->Finish().ok());
  });
  for (int look = 0; look < 50; ++look) EXPECT_EQ(Value("bayespfl_connection_calls_open"), 2);
  EXPECT_FALSE(began);

  contexts[0].TryCancel();

  third.join();
  EXPECT_TRUE(began);
}

TEST_F(MetricsServerTest, WhatIsComingInIsSeenUntilItsClientLeaves) {
  constexpr uint32_t kMessage = 4 << 20;
  {
    const std::string address = server_->grpc_address();
    const std::unique_ptr<Upload> upload = EndlessUpload(std::stoi(address.substr(address.rfind(':') + 1)), kMessage);
    EXPECT_TRUE(Eventually([&] {
      (void)upload->Pump();
      return Value("bayespfl_incoming_bytes") > 0.5 * kMessage;
    }));
    EXPECT_LE(Value("bayespfl_incoming_bytes"), 1.01 * static_cast<double>(upload->sent_bytes()));  // HTTP/2's frames
  }

  EXPECT_TRUE(Eventually([&] { return Value("bayespfl_incoming_bytes") < 1000; }));
}

TEST_F(MetricsServerTest, AMethodThatThereIsNotIsCountedAndMakesNoSeries) {
  for (const char* method : {"/bayespfl.inspection.v1.InspectionService/Zebra", "/zebra.Zebra/Zebra"}) {
    grpc::ClientContext context;
    EXPECT_EQ(RawCall(channel_, context, method, "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED) << method;
  }

  EXPECT_EQ(Value("bayespfl_grpc_refused_calls_total"), 2);
  EXPECT_THAT(server_->metrics(), Not(HasSubstr("ebra")));
}

TEST_F(MetricsServerTest, AMessageThatGrpcRefusesIsCounted) {
  ServerConfig config = DefaultConfig();
  config.max_image_bytes = 1000;
  Start(config, Loader());
  for (int call = 1; call <= 2; ++call) {
    v1::InspectRequest request = MakeRequest();
    request.mutable_image()->set_encoded(std::string(config.max_image_bytes + (2 << 20), 'x'));
    EXPECT_EQ(Inspect(request).error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
    EXPECT_TRUE(Becomes("bayespfl_grpc_unheard_calls_total", call));
  }

  EXPECT_THAT(server_->metrics(), Not(ContainsRegex(R"(bayespfl_(frames|requests)_total\{[^}]*\} [1-9])")));
}

TEST_F(MetricsServerTest, AFrameWhoseClientLeftInItsMessageIsCancelled) {
  const std::string address = server_->grpc_address();
  {
    const std::unique_ptr<Upload> upload = EndlessUpload(std::stoi(address.substr(address.rfind(':') + 1)), 1 << 20);
    EXPECT_TRUE(Eventually([&] {
      (void)upload->Pump();
      return Value("bayespfl_incoming_bytes") > 1 << 19;
    }));
  }

  EXPECT_TRUE(Becomes(R"(bayespfl_requests_total{code="CANCELLED",method="Inspect"})", 1));
  EXPECT_EQ(Value(R"(bayespfl_frames_total{model="",outcome="cancelled"})"), 1);
  EXPECT_EQ(Value(R"(bayespfl_frames_refused_total{reason="cancelled"})"), 1);
  EXPECT_EQ(Value(R"(bayespfl_frames_total{model="",outcome="invalid"})"), 0);
}

TEST_F(MetricsServerTest, CallsThatAServiceHeardOfAreNotUnheardHoweverTheyEnd) {
  std::atomic<bool> over{false};
  std::vector<std::thread> clients;
  for (int client = 0; client < 4; ++client) {
    clients.emplace_back([&] {
      const std::shared_ptr<grpc::Channel> channel = Connect(server_->grpc_address());
      const auto stub = v1::InspectionService::NewStub(channel);
      for (int call = 0; call < 500; ++call) {
        grpc::ClientContext unary;
        v1::InspectResponse response;
        EXPECT_TRUE(stub->Inspect(&unary, MakeRequest(), &response).ok());
        grpc::ClientContext unknown;
        RawCall(channel, unknown, "/zebra.Zebra/Zebra", "");
        grpc::ClientContext cancelled;
        const std::unique_ptr<StreamClient> stream = stub->InspectStream(&cancelled);
        stream->Write(MakeConfiguration());
        cancelled.TryCancel();
      }
    });
  }
  std::thread scraper([&] {
    while (!over) EXPECT_EQ(Value("bayespfl_grpc_unheard_calls_total"), 0);
  });
  for (std::thread& client : clients) client.join();
  over = true;
  scraper.join();

  // One whose client has long gone while the device computes it.
  detector_->Hold();
  std::thread left([&] {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
    v1::InspectResponse response;
    EXPECT_FALSE(stub_->Inspect(&context, MakeRequest(), &response).ok());
  });
  const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(4);  // more than the looks that it takes
  while (std::chrono::steady_clock::now() < until) EXPECT_EQ(Value("bayespfl_grpc_unheard_calls_total"), 0);
  left.join();
  detector_->Release();
}

TEST_F(MetricsServerTest, TheBytesOfAFrameAreInFlightUntilItIsAnswered) {
  detector_->Hold();
  const v1::InspectRequest request = MakeRequest();
  std::thread client([&] { EXPECT_TRUE(Inspect(request).ok()); });

  EXPECT_TRUE(Becomes("bayespfl_bytes_in_flight", static_cast<double>(request.image().encoded().size())));
  detector_->Release();
  client.join();

  EXPECT_EQ(Value("bayespfl_bytes_in_flight"), 0);
}

// A stream whose client takes no replies, of 360 kB each.
class UnsentRepliesTest : public MetricsServerTest {
 protected:
  void SetUp() override {
    MetricsServerTest::SetUp();
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // HTTP/2's window stays at 64 kB
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    channel_ = grpc::CreateCustomChannel(server_->grpc_address(), grpc::InsecureChannelCredentials(), arguments);
    stub_ = v1::InspectionService::NewStub(channel_);
    stream_ = stub_->InspectStream(&context_);
    v1::InspectStreamRequest configuration = MakeConfiguration();
    configuration.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
    stream_->Write(configuration);
    v1::InspectStreamRequest frame = MakeFrame("0");
    frame.mutable_frame()->mutable_image()->set_encoded(EncodePng(300, 300));
    stream_->Write(frame);
    stream_->Write(frame);
  }

  grpc::ClientContext context_;
  std::unique_ptr<StreamClient> stream_;
};

TEST_F(UnsentRepliesTest, AreSeenUntilTheyLeave) {
  EXPECT_TRUE(Eventually([&] { return Value("bayespfl_unsent_reply_bytes") > 2 * 360'000; }));
  stream_->WritesDone();
  v1::InspectStreamResponse reply;
  while (stream_->Read(&reply)) continue;
  EXPECT_TRUE(stream_->Finish().ok());

  EXPECT_TRUE(Becomes("bayespfl_unsent_reply_bytes", 0));
}

TEST_F(UnsentRepliesTest, GoWithTheirClient) {
  EXPECT_TRUE(Eventually([&] { return Value("bayespfl_unsent_reply_bytes") > 2 * 360'000; }));

  context_.TryCancel();
  EXPECT_FALSE(stream_->Finish().ok());

  EXPECT_TRUE(Becomes("bayespfl_unsent_reply_bytes", 0));
}

TEST_F(MetricsServerTest, AUnaryReplyLeavesNothingUnsent) {
  ASSERT_TRUE(Inspect(MakeRequest()).ok());

  EXPECT_TRUE(Becomes("bayespfl_unsent_reply_bytes", 0));
}

// Whichever gRPC tells of first: that there is nothing more to read, or that the call is cancelled.
TEST_F(MetricsServerTest, AStreamWhoseClientLeavesDoesNotCountAsAnOrderlyEnd) {
  constexpr int kStreams = 200;
  for (int i = 0; i < kStreams; ++i) {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    stream->Write(MakeConfiguration());
    stream->Write(MakeFrame("0"));
    v1::InspectStreamResponse reply;
    ASSERT_TRUE(stream->Read(&reply));
    context.TryCancel();
    ASSERT_FALSE(stream->Finish().ok());
  }

  EXPECT_TRUE(Becomes(R"(bayespfl_requests_total{code="CANCELLED",method="InspectStream"})", kStreams));
}

TEST_F(MetricsServerTest, AStreamLastsFromItsOpeningToItsEnd) {
  constexpr std::chrono::milliseconds kFrame(100);
  detector_->TakePerFrame(kFrame);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  stream->WritesDone();
  v1::InspectStreamResponse reply;
  while (stream->Read(&reply)) continue;
  ASSERT_TRUE(stream->Finish().ok());

  EXPECT_TRUE(Becomes("bayespfl_request_duration_seconds_count{method=\"InspectStream\"}", 1));
  EXPECT_GE(Value("bayespfl_request_duration_seconds_sum{method=\"InspectStream\"}"),
            std::chrono::duration<double>(kFrame).count());
}

TEST_F(MetricsServerTest, AReplicaThatHangsIsBusyForAsLong) {
  constexpr char kBusy[] = "bayespfl_replica_busy_since_timestamp_seconds{model=\"fake\",replica=\"0\"}";
  EXPECT_EQ(Value(kBusy), 0);
  detector_->Hold();
  std::thread client([&] { EXPECT_TRUE(Inspect(MakeRequest()).ok()); });

  EXPECT_TRUE(Eventually([&] { return Value(kBusy) > 0; }));
  detector_->Release();
  client.join();

  EXPECT_EQ(Value(kBusy), 0);
}

TEST_F(MetricsServerTest, ALostReplicaIsCounted) {
  detector_->AllowRebuilds(0);
  detector_->FailCalls(2);
  ASSERT_FALSE(Inspect(MakeRequest()).ok());

  EXPECT_TRUE(Becomes("bayespfl_replicas{model=\"fake\",state=\"lost\"}", 1));
  EXPECT_EQ(Value("bayespfl_replicas{model=\"fake\",state=\"working\"}"), 0);
  EXPECT_EQ(Value("bayespfl_ready"), 0);
}

TEST_F(MetricsServerTest, ShowsTheLimitsOfItsConfiguration) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 12;
  config.max_bytes_in_flight = 5000;
  config.max_decoded_bytes = 7000;
  config.max_working_bytes = 9000;
  config.max_reply_bytes = 10'000;
  config.max_unsent_bytes = 11'000;
  config.max_streams = 3;
  config.max_connections = 13;
  config.max_calls_per_connection = 14;
  config.max_incoming_bytes = 15'000'000;
  config.max_batch = 2;
  Start(config, Loader());

  EXPECT_EQ(Value("bayespfl_frames_in_flight_limit"), 12);
  EXPECT_EQ(Value("bayespfl_bytes_in_flight_limit"), 5000);
  EXPECT_EQ(Value("bayespfl_streams_open_limit"), 3);
  EXPECT_EQ(Value("bayespfl_queue_depth_limit{queue=\"decode\"}"), 12);
  EXPECT_EQ(Value("bayespfl_queue_depth_limit{queue=\"execute\"}"), 4);
  EXPECT_EQ(Value("bayespfl_queue_bytes_limit{queue=\"execute\"}"), 7000);
  EXPECT_EQ(Value("bayespfl_queue_bytes_limit{queue=\"admission\"}"), 5000);
  EXPECT_EQ(Value("bayespfl_working_bytes_limit"), 9000);
  EXPECT_EQ(Value("bayespfl_unsent_reply_bytes_limit"), 11'000);
  EXPECT_EQ(Value("bayespfl_connections_open_limit"), 13);
  EXPECT_EQ(Value("bayespfl_connection_calls_open_limit"), 14);
  EXPECT_EQ(Value("bayespfl_incoming_bytes_limit"), 15'000'000);
  EXPECT_EQ(Value("bayespfl_result_log_queue_bytes_limit"), 8 << 20);
}

}  // namespace
}  // namespace bayespfl::server
