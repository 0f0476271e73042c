// What bounds a stream of InspectionService: the frames read ahead under FLOW_POLICY_BLOCK, and its age.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/service_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Seconds = std::chrono::duration<double>;

TEST_F(ServiceTest, UnderBlockNoMoreFramesAreReadThanTheStreamMayHaveAndNoneIsLost) {
  constexpr int kMaxFrames = 2;
  constexpr uint64_t kFrames = 6;
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = kMaxFrames;
  config.max_frames_in_flight = kMaxFrames;  // a frame read beyond them waits for its admission, which has a gauge
  Start(config, Loader());
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_BLOCK);
  stream->Write(configuration);
  for (uint64_t i = 0; i < kFrames; ++i) stream->Write(MakeFrame(std::to_string(i), i));
  stream->WritesDone();
  detector_->WaitForCalls(warm_up + 1);
  WaitForMetric("bayespfl_queue_depth{queue=\"execute\"} 1");

  // Calls on the same connection: when they are answered, all frames have come to the server's side of it.
  for (int call = 0; call < 20; ++call) {
    grpc::ClientContext call_context;
    v1::GetModelResponse info;
    ASSERT_TRUE(stub_->GetModel(&call_context, {}, &info).ok());
    EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_frames_in_flight 2\n"),
                                        HasSubstr("bayespfl_queue_depth{queue=\"admission\"} 0\n"),
                                        HasSubstr("bayespfl_queue_depth{queue=\"decode\"} 0\n"),
                                        HasSubstr("bayespfl_queue_depth{queue=\"execute\"} 1\n")));
  }
  detector_->Release();

  v1::InspectStreamResponse reply;
  for (uint64_t i = 0; i < kFrames; ++i) {
    ASSERT_TRUE(stream->Read(&reply)) << i;
    EXPECT_TRUE(reply.has_result()) << reply.ShortDebugString();
    EXPECT_EQ(reply.metadata().frame_id(), std::to_string(i));
  }
  EXPECT_FALSE(stream->Read(&reply));
  EXPECT_TRUE(stream->Finish().ok());
}

// More streams than the whole server has places for, each with more frames than may be on their way: nothing is
// dropped, nothing refused, and each stream has read one message at most beyond those that came in.
TEST_F(ServiceTest, UnderBlockNothingIsRefusedWhenTheWholeServerIsFull) {
  constexpr int kStreams = 20;
  constexpr int kFrames = 6;
  constexpr int kPlaces = 7;  // of max_frames_in_flight = 8 an eighth is kept from those who wait
  detector_->Hold();
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  std::vector<std::unique_ptr<StreamClient>> streams;
  for (int i = 0; i < kStreams; ++i) {
    contexts.push_back(std::make_unique<grpc::ClientContext>());
    streams.push_back(stub_->InspectStream(contexts.back().get()));
    v1::InspectStreamRequest configuration = MakeConfiguration();
    configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_BLOCK);
    streams.back()->Write(configuration);
    for (int frame = 0; frame < kFrames; ++frame) streams.back()->Write(MakeFrame(std::to_string(frame)));
    streams.back()->WritesDone();
  }
  // Three streams have their frames inside or at the door: the first ones to come fill the places.
  WaitForMetric("bayespfl_frames_in_flight " + std::to_string(kPlaces));
  ASSERT_TRUE(Eventually([this] {
    const std::string page = Http("/metrics");
    const auto position = page.find("\nbayespfl_queue_depth{queue=\"admission\"} ");
    return position != std::string::npos && std::stoi(page.substr(page.find("} ", position) + 2)) >= kStreams - kPlaces;
  }));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_frames_in_flight " + std::to_string(kPlaces) + "\n"));

  detector_->Release();

  for (const auto& stream : streams) {
    v1::InspectStreamResponse reply;
    for (int frame = 0; frame < kFrames; ++frame) {
      ASSERT_TRUE(stream->Read(&reply));
      EXPECT_TRUE(reply.has_result()) << reply.ShortDebugString();
      EXPECT_EQ(reply.metadata().frame_id(), std::to_string(frame));
    }
    EXPECT_FALSE(stream->Read(&reply));
    EXPECT_TRUE(stream->Finish().ok());
  }
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_queue_depth{queue=\"admission\"} 0\n"));
}

// The door has its bound too: a frame that finds no room there is told when to come back, and its stream goes on.
TEST_F(ServiceTest, UnderBlockAFrameThatFindsNoRoomToWaitIsRefusedAndItsStreamGoesOn) {
  constexpr int kSide = 100;
  ServerConfig config = DefaultConfig();
  config.max_bytes_in_flight = 2 * kSide * kSide;  // one picture inside, for those who wait, and two at the door
  Start(config, Loader());
  detector_->Hold();
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_BLOCK);
  v1::InspectStreamRequest frame;
  v1::RawImage& raw = *frame.mutable_frame()->mutable_image()->mutable_raw();
  raw.set_width(kSide);
  raw.set_height(kSide);
  raw.set_pfnc_pixel_format(0x01080001);
  raw.set_data(std::string(size_t{kSide} * kSide, '\x80'));
  const auto write = [&](StreamClient& stream, const std::string& id) {
    frame.mutable_frame()->mutable_metadata()->set_frame_id(id);
    return stream.Write(frame);
  };
  std::array<grpc::ClientContext, 4> contexts;
  std::vector<std::unique_ptr<StreamClient>> streams;
  for (grpc::ClientContext& context : contexts) {
    streams.push_back(stub_->InspectStream(&context));
    streams.back()->Write(configuration);
    if (streams.size() == contexts.size()) break;
    EXPECT_TRUE(write(*streams.back(), "0"));
    WaitForMetric(absl::StrCat("bayespfl_queue_depth{queue=\"admission\"} ", streams.size() - 1));
    WaitForMetric("bayespfl_frames_in_flight 1");
  }
  StreamClient& late = *streams.back();
  v1::InspectStreamResponse reply;

  EXPECT_TRUE(write(late, "0") && write(late, "1"));
  for (uint64_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(late.Read(&reply));
    EXPECT_EQ(reply.sequence(), i);
    EXPECT_EQ(reply.metadata().frame_id(), std::to_string(i));
    EXPECT_EQ(reply.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
    EXPECT_EQ(reply.error().reason(), v1::ERROR_REASON_BYTES_FULL);
    EXPECT_GT(reply.error().retry_delay().seconds() + reply.error().retry_delay().nanos(), 0);
  }
  detector_->Release();
  for (const std::unique_ptr<StreamClient>& stream : streams) {
    if (stream == streams.back()) {
      EXPECT_TRUE(write(late, "2"));
    }
    ASSERT_TRUE(stream->Read(&reply));
    EXPECT_TRUE(reply.has_result()) << reply.ShortDebugString();
    stream->WritesDone();
    EXPECT_TRUE(stream->Finish().ok());
  }
  EXPECT_EQ(reply.sequence(), 2U);
  EXPECT_EQ(reply.metadata().frame_id(), "2");
}

// ---- max_stream_age ------------------------------------------------------------------------------------------------

using AsyncStreamClient = grpc::ClientAsyncReaderWriter<v1::InspectStreamRequest, v1::InspectStreamResponse>;

// A stream that sends nothing and waits for its end; its tag is its own address.
struct IdleStream {
  grpc::ClientContext context = {};
  std::unique_ptr<AsyncStreamClient> call = nullptr;
  std::chrono::steady_clock::time_point opened = {};
  bool started = false;
  grpc::Status status = {};
  Seconds age{0};
};

// Opens `count` streams at once and waits until all have ended.
std::vector<std::unique_ptr<IdleStream>> Outlive(v1::InspectionService::Stub& stub, size_t count) {
  grpc::CompletionQueue queue;
  std::vector<std::unique_ptr<IdleStream>> streams;
  for (size_t i = 0; i < count; ++i) {
    streams.push_back(std::make_unique<IdleStream>());
    IdleStream& stream = *streams.back();
    stream.opened = std::chrono::steady_clock::now();
    stream.call = stub.AsyncInspectStream(&stream.context, &queue, &stream);
  }
  void* tag = nullptr;
  bool ok = false;
  for (size_t ended = 0; ended < count && queue.Next(&tag, &ok);) {
    auto& stream = *static_cast<IdleStream*>(tag);
    if (!stream.started) {
      stream.started = true;
      stream.call->Finish(&stream.status, &stream);
      continue;
    }
    stream.age = std::chrono::steady_clock::now() - stream.opened;
    ++ended;
  }
  return streams;
}

TEST_F(ServiceTest, StreamsThatBeganTogetherEndATenthAroundTheirAgeApart) {
  constexpr size_t kStreams = 64;
  constexpr Seconds kMaxAge(2);
  constexpr Seconds kMargin(20);  // for a machine that is busy
  ServerConfig config = DefaultConfig();
  config.max_stream_age_seconds = static_cast<int>(kMaxAge.count());
  Start(config, Loader());

  const std::vector<std::unique_ptr<IdleStream>> streams = Outlive(*stub_, kStreams);

  for (const auto& stream : streams) {
    EXPECT_EQ(stream->status.error_code(), grpc::StatusCode::UNAVAILABLE) << stream->status.error_message();
    EXPECT_EQ(ErrorOf(stream->status).reason(), v1::ERROR_REASON_MAX_STREAM_AGE);
    EXPECT_GE(stream->age, kMaxAge * 0.895);
    EXPECT_LE(stream->age, kMaxAge * 1.1 + kMargin);
  }
  const auto [youngest, oldest] = std::minmax_element(
      streams.begin(), streams.end(), [](const auto& one, const auto& other) { return one->age < other->age; });
  // Nothing but the draw ends a stream before its age; no draw of 64 does once in 2^64 tests.
  EXPECT_LT((*youngest)->age, kMaxAge * 0.995);
  EXPECT_GT((*oldest)->age - (*youngest)->age, Seconds(0.005));
}

}  // namespace
}  // namespace bayespfl::server
