// Streams without the rest of the server: a gRPC server whose only call opens the stream under test.
#include "server/api/ordered_stream.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "model/image/decode.h"
#include "server/api/inspection_stream.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;
using StreamClient = grpc::ClientReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;
using Reactor = grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>;

class StreamService final
    : public v1::InspectionService::WithRawCallbackMethod_InspectStream<v1::InspectionService::Service> {
 public:
  explicit StreamService(std::function<Reactor*()> open) : open_(std::move(open)) {}
  Reactor* InspectStream(grpc::CallbackServerContext* /*context*/) override { return open_(); }

 private:
  const std::function<Reactor*()> open_;
};

class OrderedStreamTest : public PipelineTest {
 protected:
  void SetUp() override {
    PipelineTest::SetUp();
    int port = 0;
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(&service_);
    grpc_ = builder.BuildAndStart();
    ASSERT_NE(grpc_, nullptr);
    address_ = absl::StrCat("127.0.0.1:", port);
  }
  void TearDown() override {
    PipelineTest::TearDown();
    StopServer();
  }

  // Returns when gRPC has made its last call to every stream.
  void StopServer() {
    grpc_->Shutdown();
    grpc_->Wait();
  }

  // Over a connection of its own, on which no more than 64 KiB of a stream that is not read are under way.
  std::unique_ptr<v1::InspectionService::Stub> NewStub() const {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    arguments.SetInt(GRPC_ARG_HTTP2_STREAM_LOOKAHEAD_BYTES, 1 << 16);
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    return v1::InspectionService::NewStub(
        grpc::CreateCustomChannel(address_, grpc::InsecureChannelCredentials(), arguments));
  }

  static v1::InspectStreamRequest Configuration(v1::FlowPolicy policy = v1::FLOW_POLICY_BLOCK) {
    v1::InspectStreamRequest message;
    message.mutable_configuration()->mutable_options()->set_category("metal nut");
    message.mutable_configuration()->mutable_options()->set_anomaly_map(v1::MAP_ENCODING_FLOAT32);
    message.mutable_configuration()->set_flow_policy(policy);
    return message;
  }

  // Its map has 40 000 bytes.
  static v1::InspectStreamRequest Frame() {
    v1::InspectStreamRequest message;
    v1::RawImage& raw = *message.mutable_frame()->mutable_image()->mutable_raw();
    raw.set_data(std::string(10'000, '\x07'));
    raw.set_width(100);
    raw.set_height(100);
    raw.set_pfnc_pixel_format(PfncValue(PixelFormat::kMono8));
    return message;
  }

  // Of streams opened from now on.
  std::optional<absl::Duration> max_age_;
  size_t max_unsent_bytes_ = 64 << 20;

  std::weak_ptr<OrderedStream> stream_;  // the last that was opened
  std::atomic<int> answered_{0};         // frames, their replies not necessarily sent

 private:
  Reactor* Open() {
    StreamSurroundings surroundings{.pipeline = *pipeline_,
                                    .unsent = unsent_,
                                    .call = std::make_shared<CallRecord>(),
                                    .max_frames = 2,
                                    .max_unsent_bytes = max_unsent_bytes_,
                                    .max_age = max_age_,
                                    .client = {},
                                    .on_frame_rejected = [](const absl::Status&) {},
                                    .on_request_answered =
                                        [this](const RequestRecord&) {
                                          ++answered_;
                                          return ReplyGone();
                                        },
                                    .new_timeline = [] { return nullptr; },
                                    .on_finishing = [] {},
                                    .on_done = [](const grpc::Status&) {}};
    auto stream = std::make_shared<InspectionStream>(std::move(surroundings), absl::InfiniteFuture());
    stream_ = stream;
    stream->Start(absl::OkStatus());
    return stream.get();
  }

  std::string address_;
  UnsentBudget unsent_{/*max_bytes=*/int64_t{1} << 30};
  StreamService service_{[this] { return Open(); }};
  std::unique_ptr<grpc::Server> grpc_;
};

TEST_F(OrderedStreamTest, AStreamThatEndsBeforeItsAgeIsFreed) {
  max_age_ = absl::Hours(1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> client = NewStub()->InspectStream(&context);
  client->Write(Configuration());
  client->WritesDone();
  ASSERT_TRUE(client->Finish().ok());

  StopServer();

  EXPECT_TRUE(stream_.expired());
}

TEST_F(OrderedStreamTest, AStreamThatReachesItsAgeIsFreed) {
  max_age_ = absl::Milliseconds(1);
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> client = NewStub()->InspectStream(&context);
  client->Write(Configuration());
  ASSERT_EQ(client->Finish().error_code(), grpc::StatusCode::UNAVAILABLE);

  StopServer();

  // The timer's own thread may be the last to let go of it.
  EXPECT_TRUE(Eventually([this] { return stream_.expired(); }));
}

TEST_F(OrderedStreamTest, UnderLatestRepliesThatNobodyTakesEndTheReading) {
  max_unsent_bytes_ = 100'000;
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> client = NewStub()->InspectStream(&context);
  client->Write(Configuration(v1::FLOW_POLICY_LATEST));
  grpc::ClientContext other_context;
  const std::unique_ptr<StreamClient> other = NewStub()->InspectStream(&other_context);
  other->Write(Configuration(v1::FLOW_POLICY_LATEST));
  constexpr int kMost = 50;  // by number alone, 1026 replies could wait
  constexpr int kPatience = 50;

  // Until frames of the other stream come and go and the last one of this stream is not even read. Each is answered
  // before the next is sent, so that none is skipped.
  int sent = 0;
  int others = 0;
  while (sent < kMost && answered_ == sent + others) {
    ASSERT_TRUE(client->Write(Frame()));
    ++sent;
    for (int i = 0; i < kPatience && answered_ != sent + others; ++i) {
      v1::InspectStreamResponse reply;
      ASSERT_TRUE(other->Write(Frame()));
      ASSERT_TRUE(other->Read(&reply));
      ++others;
    }
  }
  EXPECT_LT(sent, kMost);

  client->WritesDone();
  int results = 0;
  for (v1::InspectStreamResponse reply; client->Read(&reply);) results += reply.has_result() ? 1 : 0;
  EXPECT_EQ(results, sent);
  EXPECT_TRUE(client->Finish().ok());
  other->WritesDone();
  EXPECT_TRUE(other->Finish().ok());
}

}  // namespace
}  // namespace bayespfl::server
