#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "bayespfl/client/errors.h"
#include "bayespfl/client/inspection_client.h"
#include "tests/client/client_fixture.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using ::testing::ElementsAre;
using testing::FakeInspectionServer;

TEST(StreamTest, AnswersTwoHundredFramesInOrderWithinTheBound) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(2)});
  std::vector<uint64_t> tags;
  size_t failures = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.max_in_flight = 4}, SourceOf(std::vector<std::string>(200, "good")),
                          [&](const StreamReply& reply) {
                            tags.push_back(reply.tag);
                            failures += reply.result.ok() ? 0 : 1;
                            EXPECT_GE(reply.latency, absl::Milliseconds(2));
                          });

  EXPECT_TRUE(status.ok()) << status;
  ASSERT_EQ(tags.size(), 200U);
  for (size_t i = 0; i < tags.size(); ++i) EXPECT_EQ(tags[i], 100 + i);
  EXPECT_EQ(failures, 0U);
  EXPECT_LE(server.most_in_flight(), 4);
  EXPECT_GE(server.most_in_flight(), 2);  // it does pipeline
}

// A frame with metadata and options of its own, on a stream with others.
OutgoingFrame FrameOfItsOwn() {
  OutgoingFrame frame;
  frame.frame.mutable_image()->set_encoded("good");
  frame.frame.mutable_metadata()->set_frame_id("frame-17");
  frame.frame.mutable_metadata()->set_attempt(2);
  frame.frame.mutable_options()->set_category("screw");
  frame.frame.mutable_options()->set_seed(5);
  return frame;
}

TEST(StreamTest, AFramesOwnOptionsWinFieldByField) {
  FakeInspectionServer server({});
  inspection::v1::InspectOptions options = StreamCategory();
  options.set_samples(3);
  std::optional<OutgoingFrame> next = FrameOfItsOwn();

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(options, {}, [&] { return std::exchange(next, std::nullopt); }, [](const StreamReply&) {});

  ASSERT_TRUE(status.ok()) << status;
  ASSERT_EQ(server.requests().size(), 1U);
  const inspection::v1::InspectOptions seen = server.requests().front().options();
  EXPECT_EQ(seen.category(), "screw");
  EXPECT_EQ(seen.seed(), 5U);
  EXPECT_EQ(seen.samples(), 3U);
}

TEST(StreamTest, ARepliesMetadataSayWhichAttemptOfWhichFrameItIsOf) {
  FakeInspectionServer server({});
  OutgoingFrame bad = FrameOfItsOwn();
  bad.frame.mutable_image()->set_encoded("bad");
  std::vector<OutgoingFrame> frames = {FrameOfItsOwn(), bad};
  std::vector<std::string> seen;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(
              StreamCategory(), {},
              [&, next = size_t{0}]() mutable -> std::optional<OutgoingFrame> {
                if (next == frames.size()) return std::nullopt;
                return frames[next++];
              },
              [&](const StreamReply& reply) {
                seen.push_back(reply.metadata.frame_id() + "/" + std::to_string(reply.metadata.attempt()));
              });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(seen, ElementsAre("frame-17/2", "frame-17/2"));
}

TEST(StreamTest, AFramesErrorHasItsReasonAndDelay) {
  FakeInspectionServer server({});
  absl::Status error;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.frame_timeout = absl::Milliseconds(300)}, SourceOf({"busy"}),
                          [&](const StreamReply& reply) { error = reply.result.status(); });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_TRUE(absl::IsResourceExhausted(error));
  EXPECT_EQ(ErrorReasonOf(error), inspection::v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(RetryDelayOf(error), absl::Milliseconds(250));
}

TEST(StreamTest, EndsWellWithoutAnyFrame) {
  FakeInspectionServer server({});

  const absl::Status status =
      ClientOf(server.target())->InspectStream(StreamCategory(), {}, SourceOf({}), [](const StreamReply&) {
        ADD_FAILURE() << "a reply to nothing";
      });

  EXPECT_TRUE(status.ok()) << status;
}

TEST(StreamTest, GoesOnAfterABadFrame) {
  FakeInspectionServer server({});
  std::vector<absl::StatusCode> codes;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {}, SourceOf({"good", "bad", "good"}),
                          [&](const StreamReply& reply) { codes.push_back(reply.result.status().code()); });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(codes, ElementsAre(absl::StatusCode::kOk, absl::StatusCode::kInvalidArgument, absl::StatusCode::kOk));
}

// Frames and replies are far larger than HTTP/2's windows, so that both sides' writes wait for the other's reads.
TEST(StreamTest, SurvivesBackPressureInBothDirections) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(1), .reply_padding_bytes = size_t{2} << 20});
  size_t replies = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.max_in_flight = 16},
                          SourceOf(std::vector<std::string>(40, std::string(2 << 20, 'x'))), [&](const StreamReply&) {
                            ++replies;
                            absl::SleepFor(absl::Milliseconds(2));  // a slow consumer
                          });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(replies, 40U);
  EXPECT_LE(server.most_in_flight(), 16);
}

TEST(StreamTest, RefusesOptionsOutOfRange) {
  const auto client = ClientOf("127.0.0.1:1");
  const auto sink = [](const StreamReply&) {};

  EXPECT_TRUE(
      absl::IsInvalidArgument(client->InspectStream(StreamCategory(), {.max_in_flight = 0}, SourceOf({}), sink)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      client->InspectStream(StreamCategory(), {.frame_timeout = absl::ZeroDuration()}, SourceOf({}), sink)));
}

TEST(StreamTest, ASkippedFrameIsAborted) {
  inspection::v1::FlowPolicy policy = inspection::v1::FLOW_POLICY_UNSPECIFIED;
  const FakeInspectionServer server(
      {.stream_handler = [&policy](grpc::ServerContext*, FakeInspectionServer::Stream* stream) {
        inspection::v1::InspectStreamRequest request;
        stream->Read(&request);
        policy = request.configuration().flow_policy();
        for (uint64_t sequence = 0; stream->Read(&request); ++sequence) {
          inspection::v1::InspectStreamResponse reply;
          *reply.mutable_metadata() = request.frame().metadata();
          reply.set_sequence(sequence);
          reply.mutable_skipped();
          stream->Write(reply);
        }
        return grpc::Status::OK;
      }});
  int skipped = 0;

  const absl::Status status =
      ClientOf(server.target())
          ->InspectStream(StreamCategory(), {.flow_policy = inspection::v1::FLOW_POLICY_LATEST}, SourceOf({"a", "b"}),
                          [&](const StreamReply& reply) { skipped += absl::IsAborted(reply.result.status()) ? 1 : 0; });

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(skipped, 2);
  EXPECT_EQ(policy, inspection::v1::FLOW_POLICY_LATEST);
}

TEST(TokenTest, GoesOutWithEveryStream) {
  std::string header;
  FakeInspectionServer::Behaviour behaviour;
  behaviour.stream_handler = [&header](grpc::ServerContext* context, FakeInspectionServer::Stream* stream) {
    const auto found = context->client_metadata().find("authorization");
    if (found != context->client_metadata().end()) header.assign(found->second.data(), found->second.size());
    inspection::v1::InspectStreamRequest request;
    stream->Read(&request);  // the configuration
    for (uint64_t i = 0; stream->Read(&request); ++i) stream->Write(testing::ReplyTo(request.frame(), i));
    return grpc::Status::OK;
  };
  const FakeInspectionServer server(behaviour);
  ClientOptions options;
  options.target = server.target();
  options.token = "bpfl_abc-123";

  const absl::Status status = (*InspectionClient::Create(options))
                                  ->InspectStream(StreamCategory(), {}, SourceOf({"good"}), [](const StreamReply&) {});

  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(header, "Bearer bpfl_abc-123");
}

}  // namespace
}  // namespace bayespfl::client
