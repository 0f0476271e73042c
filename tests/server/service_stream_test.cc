// Streams of InspectionService over a real socket: order, errors of single frames, flow, limits, ends.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "server/runtime/server.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

TEST_F(ServiceTest, StreamRepliesInOrderAndGoesOnAfterABadFrame) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  constexpr uint64_t kFrames = 30;
  std::thread writer([&stream] {
    stream->Write(MakeConfiguration());
    for (uint64_t i = 0; i < kFrames; ++i) {
      v1::InspectStreamRequest message = MakeFrame(std::to_string(i), i);
      if (i == 3) message.mutable_frame()->mutable_image()->set_encoded("no picture");
      if (i == 5) message.mutable_frame()->mutable_options()->set_category("");
      if (i == 7) message.mutable_frame()->mutable_timeout()->set_seconds(-1);
      if (i == 9) message.clear_message();
      stream->Write(message);
    }
    stream->WritesDone();
  });

  for (uint64_t i = 0; i < kFrames; ++i) {
    v1::InspectStreamResponse reply;
    ASSERT_TRUE(stream->Read(&reply)) << i;
    EXPECT_EQ(reply.sequence(), i);
    if (i == 3 || i == 5 || i == 7 || i == 9) {
      EXPECT_EQ(reply.error().code(), static_cast<int>(absl::StatusCode::kInvalidArgument)) << i;
      EXPECT_FALSE(reply.error().message().empty());
    } else {
      EXPECT_EQ(reply.result().provenance().seed(), i);
      EXPECT_EQ(reply.result().metadata().frame_id(), std::to_string(i));
    }
    if (i != 9) {
      EXPECT_EQ(reply.metadata().frame_id(), std::to_string(i));
    }
  }
  v1::InspectStreamResponse none;
  EXPECT_FALSE(stream->Read(&none));
  writer.join();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, SecondConfigurationEndsTheStreamAfterTheRepliesBeforeIt) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  stream->Write(MakeFrame("1"));
  stream->Write(MakeConfiguration());

  v1::InspectStreamResponse reply;
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.sequence(), 1U);
  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_STREAM_PROTOCOL);
  EXPECT_THAT(status.error_message(), HasSubstr("second"));
}

TEST_F(ServiceTest, FrameBeforeTheConfigurationEndsTheStream) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeFrame("0"));

  v1::InspectStreamResponse reply;
  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_STREAM_PROTOCOL);
}

TEST_F(ServiceTest, BadConfigurationEndsTheStream) {
  for (const char* category : {"<|startoftext|>", ""}) {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    v1::InspectStreamRequest configuration = MakeConfiguration(category);
    if (*category == '\0') configuration.mutable_configuration()->mutable_options()->set_samples(65);
    stream->Write(configuration);

    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::INVALID_ARGUMENT);
  }
}

TEST_F(ServiceTest, FrameOverridesCategoryAndSeedOfTheConfiguration) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->mutable_options()->set_seed(5);
  stream->Write(configuration);
  v1::InspectStreamRequest plain = MakeFrame("0");
  plain.mutable_frame()->clear_options();
  stream->Write(plain);
  v1::InspectStreamRequest other = MakeFrame("1", 6);
  other.mutable_frame()->mutable_options()->set_category("zipper");
  stream->Write(other);
  stream->WritesDone();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().provenance().seed(), 5U);
  EXPECT_EQ(reply.result().category(), "metal nut");
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().provenance().seed(), 6U);
  EXPECT_EQ(reply.result().category(), "zipper");
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, AFramesOptionsWinOverTheConfigurationsForThatFrameAlone) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration("leather");
  configuration.mutable_configuration()->mutable_options()->set_mask(v1::MASK_ENCODING_PNG1);
  stream->Write(configuration);
  v1::InspectStreamRequest special = MakeFrame("0");
  special.mutable_frame()->mutable_options()->set_mask(v1::MASK_ENCODING_COCO_RLE);
  special.mutable_frame()->mutable_options()->set_resolution(v1::MAP_RESOLUTION_MODEL);
  stream->Write(special);
  stream->Write(MakeFrame("1"));
  stream->WritesDone();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().category(), "leather");
  EXPECT_EQ(reply.result().mask().encoding(), v1::MASK_ENCODING_COCO_RLE);
  EXPECT_EQ(reply.result().mask().width(), 8U);
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.result().mask().encoding(), v1::MASK_ENCODING_PNG1);
  EXPECT_EQ(reply.result().mask().width(), 40U);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, AFrameThatIsSentAgainIsEchoedWithItsAttempt) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  v1::InspectStreamRequest again = MakeFrame("17");
  again.mutable_frame()->mutable_metadata()->set_attempt(2);
  stream->Write(again);
  stream->WritesDone();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.metadata().frame_id(), "17");
  EXPECT_EQ(reply.metadata().attempt(), 2U);
  EXPECT_EQ(reply.result().metadata().attempt(), 2U);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, UnknownFieldsOfTheMetadataDoNotComeBack) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  stream->Write(MakeConfiguration());
  v1::InspectStreamRequest message = MakeFrame("0");
  v1::FrameMetadata& metadata = *message.mutable_frame()->mutable_metadata();
  metadata.GetReflection()->MutableUnknownFields(&metadata)->AddLengthDelimited(1023, std::string(100'000, 'x'));
  stream->Write(message);
  stream->WritesDone();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.metadata().frame_id(), "0");
  EXPECT_LT(reply.ByteSizeLong(), 1000U);
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, FrameTimeoutIsAnErrorOfThatFrame) {
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  detector_->Hold();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  detector_->WaitForCalls(2);  // the warm-up and the frame
  v1::InspectStreamRequest hurried = MakeFrame("1");
  hurried.mutable_frame()->mutable_timeout()->set_nanos(1'000'000);
  stream->Write(hurried);
  stream->Write(MakeFrame("2"));
  WaitForMetric("outcome=\"expired\"} 1");
  detector_->Release();

  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_EQ(reply.error().code(), static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  EXPECT_THAT(reply.error().message(), HasSubstr("stage"));
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
}

TEST_F(ServiceTest, CancelledStreamsLeaveNothingBehind) {
  for (int round = 0; round < 20; ++round) {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    stream->Write(MakeConfiguration());
    for (int i = 0; i < 3; ++i) stream->Write(MakeFrame("f"));
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }

  WaitForMetric("bayespfl_frames_in_flight 0");
  const auto start = std::chrono::steady_clock::now();
  server_->Shutdown();  // waits for every call; a leaked one would hold it up until the drain timeout
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
}

TEST_F(ServiceTest, ALongStreamIsEndedAfterItsReplies) {
  ServerConfig config = DefaultConfig();
  config.max_stream_age_seconds = 1;
  Start(config, Loader());
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  const auto start = std::chrono::steady_clock::now();
  stream->Write(MakeConfiguration());
  stream->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());

  EXPECT_FALSE(stream->Read(&reply));
  const grpc::Status status = stream->Finish();

  EXPECT_GE(std::chrono::steady_clock::now() - start, std::chrono::milliseconds(850));
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_MAX_STREAM_AGE);
  EXPECT_EQ(DetailOf<rpc::ErrorInfo>(status, "google.rpc.ErrorInfo")->reason(), "MAX_STREAM_AGE");
}

TEST_F(ServiceTest, RefusesMoreStreamsThanTheLimitAndNamesIt) {
  ServerConfig config = DefaultConfig();
  config.max_streams = 1;
  Start(config, Loader());
  grpc::ClientContext first_context;
  const std::unique_ptr<StreamClient> first = stub_->InspectStream(&first_context);
  first->Write(MakeConfiguration());
  first->Write(MakeFrame("0"));
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(first->Read(&reply));
  grpc::ClientContext second_context;
  const std::unique_ptr<StreamClient> second = stub_->InspectStream(&second_context);

  EXPECT_FALSE(second->Read(&reply));
  const grpc::Status status = second->Finish();

  EXPECT_EQ(status.error_code(), grpc::StatusCode::RESOURCE_EXHAUSTED);
  EXPECT_THAT(status.error_message(), HasSubstr("max_streams = 1"));
  EXPECT_EQ(ErrorOf(status).reason(), v1::ERROR_REASON_STREAMS_FULL);
  EXPECT_TRUE(ErrorOf(status).has_retry_delay());
  first->WritesDone();
  EXPECT_TRUE(first->Finish().ok());
  grpc::ClientContext third_context;
  const std::unique_ptr<StreamClient> third = stub_->InspectStream(&third_context);
  third->Write(MakeConfiguration());
  third->WritesDone();
  EXPECT_TRUE(third->Finish().ok());
}

TEST_F(ServiceTest, ARefusedFrameOfAStreamSaysWhenToTryAgain) {
  ServerConfig config = DefaultConfig();
  config.max_frames_in_flight = 1;
  Start(config, Loader());
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_LATEST);
  stream->Write(configuration);
  stream->Write(MakeFrame("0"));
  detector_->WaitForCalls(warm_up + 1);  // 0 is inside the model and cannot give way
  stream->Write(MakeFrame("1"));
  WaitForMetric("outcome=\"refused\"} 1");
  detector_->Release();
  v1::InspectStreamResponse reply;
  ASSERT_TRUE(stream->Read(&reply));
  EXPECT_TRUE(reply.has_result());
  ASSERT_TRUE(stream->Read(&reply));

  EXPECT_EQ(reply.error().code(), static_cast<int>(grpc::StatusCode::RESOURCE_EXHAUSTED));
  EXPECT_EQ(reply.error().reason(), v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_TRUE(reply.error().has_retry_delay());
}

TEST_F(ServiceTest, UnderLatestTheOldestWaitingFramesAreSkippedInOrder) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 2;
  Start(config, Loader());
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_LATEST);
  stream->Write(configuration);
  stream->Write(MakeFrame("0"));
  detector_->WaitForCalls(warm_up + 1);  // 0 is inside the model and stays
  for (int i = 1; i <= 5; ++i) {
    stream->Write(MakeFrame(std::to_string(i)));
    // A frame that is being decoded holds its place, so the next one comes when this one waits and the last has gone.
    WaitForMetric(absl::StrCat("outcome=\"skipped\"} ", i - 1));
    WaitForMetric("bayespfl_queue_depth{queue=\"execute\"} 1");
  }
  detector_->Release();
  stream->WritesDone();

  std::string outcomes;
  v1::InspectStreamResponse reply;
  for (uint64_t sequence = 0; stream->Read(&reply); ++sequence) {
    EXPECT_EQ(reply.sequence(), sequence);
    EXPECT_EQ(reply.metadata().frame_id(), std::to_string(sequence));
    outcomes += reply.has_result() ? 'r' : reply.has_skipped() ? 's' : 'e';
  }
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(outcomes, "rssssr");
}

TEST_F(ServiceTest, UnderLatestAFullServerSkipsTheStreamsOldestFrameBeforeItRefusesTheNewest) {
  ServerConfig config = DefaultConfig();
  config.max_frames_per_stream = 4;
  config.max_frames_in_flight = 2;
  Start(config, Loader());
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
  v1::InspectStreamRequest configuration = MakeConfiguration();
  configuration.mutable_configuration()->set_flow_policy(v1::FLOW_POLICY_LATEST);
  stream->Write(configuration);
  stream->Write(MakeFrame("0"));
  detector_->WaitForCalls(warm_up + 1);  // 0 is inside the model and stays
  stream->Write(MakeFrame("1"));
  WaitForMetric("bayespfl_queue_depth{queue=\"execute\"} 1");
  stream->Write(MakeFrame("2"));
  WaitForMetric("outcome=\"skipped\"} 1");
  detector_->Release();
  stream->WritesDone();

  std::string outcomes;
  v1::InspectStreamResponse reply;
  while (stream->Read(&reply)) outcomes += reply.has_result() ? 'r' : reply.has_skipped() ? 's' : 'e';
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(outcomes, "rsr");
}

TEST_F(ServiceTest, AClientThatLeavesTakesItsWaitingFramesAlong) {
  const size_t warm_up = detector_->batches().size();
  detector_->Hold();
  {
    grpc::ClientContext context;
    const std::unique_ptr<StreamClient> stream = stub_->InspectStream(&context);
    stream->Write(MakeConfiguration());
    for (int i = 0; i < 3; ++i) stream->Write(MakeFrame(std::to_string(i)));
    detector_->WaitForCalls(warm_up + 1);
    WaitForMetric("bayespfl_frames_in_flight 3");
    context.TryCancel();
    EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::CANCELLED);
  }
  // The model is still held: the two that wait leave without it.
  WaitForMetric("outcome=\"cancelled\"} 2");
  detector_->Release();
  WaitForMetric("bayespfl_frames_in_flight 0");
}

}  // namespace
}  // namespace bayespfl::server
