#include "server/pipeline/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST_F(PipelineTest, AnswersAFrameWithScoresAreaAndTimes) {
  FrameRequest request = MakeRequest(42);
  request.options.mask = MapEncoding::kPng8;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const FrameResult result = results_.Wait(1)[0];

  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_FLOAT_EQ(result->score, 0.42F);
  EXPECT_EQ(result->seed, 42U);
  EXPECT_EQ(result->samples, 3);
  EXPECT_EQ(result->category, "metal nut");
  EXPECT_FLOAT_EQ(result->mask_threshold, 0.75F);
  EXPECT_EQ(result->mask_area_pixels, 1U);
  EXPECT_DOUBLE_EQ(result->mask_area_fraction, 1.0 / 8);
  EXPECT_EQ(result->frame_width, 4);
  EXPECT_EQ(result->frame_height, 2);
  EXPECT_EQ(result->model_version, "1.0+0123456789ab");
  EXPECT_TRUE(result->calibrated);
  ASSERT_TRUE(result->mask.has_value());
  EXPECT_FALSE(result->anomaly_map.has_value());
  EXPECT_GT(result->seconds.total, 0);
  EXPECT_GE(result->seconds.total, result->seconds.queue + result->seconds.decode + result->seconds.render);
}

TEST_F(PipelineTest, ReleasesTheEncodedBytesAfterDecoding) {
  FrameRequest request = MakeRequest();
  const std::weak_ptr<const void> owner = request.owner;
  executor_->Hold();
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  executor_->WaitForCalls(1);

  EXPECT_TRUE(owner.expired());
}

TEST_F(PipelineTest, RefusesFramesBeforeTheModelIsLoaded) {
  pipeline_ = Pipeline::Create({}, observer_);

  const absl::Status status = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
}

TEST_F(PipelineTest, RefusesAFrameWhoseClientMayNotSendNow) {
  PipelineOptions options;
  options.admit = [](const std::string& client) {
    return client == "eager" ? absl::ResourceExhaustedError("too fast") : absl::OkStatus();
  };
  Make(options);
  FrameRequest eager = MakeRequest();
  eager.client = "eager";
  FrameRequest patient = MakeRequest();
  patient.client = "patient";

  const absl::Status refused = pipeline_->Submit(std::move(eager), results_.Add());
  ASSERT_TRUE(pipeline_->Submit(std::move(patient), results_.Add()).ok());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(refused.message(), "too fast");
  EXPECT_TRUE(results_.Wait(1)[0].ok());
}

TEST_F(PipelineTest, RefusesFramesWhileDraining) {
  pipeline_->Drain();

  EXPECT_EQ(pipeline_->Submit(MakeRequest(), results_.Add()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(PipelineTest, RefusesAtOnceWhenFullAndNamesDepthAndSetting) {
  Make({.image_limits = {}, .max_frames_in_flight = 2, .max_batch = 1});
  executor_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());

  const absl::Status status = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("2 frames in flight, max_frames_in_flight = 2"));
  executor_->Release();
  results_.Wait(2);
}

TEST_F(PipelineTest, TakesFramesAgainAfterOneWasAnswered) {
  Make({.image_limits = {}, .max_frames_in_flight = 1, .max_batch = 1});
  for (size_t i = 1; i <= 20; ++i) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok()) << i;
    results_.Wait(i);
  }
}

TEST_F(PipelineTest, RefusesACategoryThatTheModelRefuses) {
  FrameRequest request = MakeRequest();
  request.options.category = "<|endoftext|>";

  EXPECT_EQ(pipeline_->Submit(std::move(request), results_.Add()).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PipelineTest, AnswersADamagedPictureWithInvalidArgument) {
  FrameRequest request = MakeRequest();
  auto bytes = std::make_shared<std::string>("no picture");
  request.image.pixels = EncodedImage{.data = {reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}};
  request.owner = bytes;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(PipelineTest, TakesWhatIsWaitingUpToMaxBatchAndNoMore) {
  HoldModel();
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  while (observer_.waiting_for_model.load() < 6) std::this_thread::yield();
  executor_->Release();
  results_.Wait(7);

  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U, 2U, 3U, 4U), ElementsAre(5U, 6U)));
}

TEST_F(PipelineTest, OneFailingFrameFailsAlone) {
  HoldModel();
  for (const uint64_t seed : {uint64_t{1}, kFailingSeed, uint64_t{2}}) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  executor_->Release();

  const std::vector<FrameResult> results = results_.Wait(4);

  int internal = 0;
  for (const FrameResult& result : results) internal += result.status().code() == absl::StatusCode::kInternal ? 1 : 0;
  EXPECT_EQ(internal, 1);
}

TEST_F(PipelineTest, AnExpiredFrameNeverReachesTheModelAndNamesItsStage) {
  HoldModel();
  FrameRequest request = MakeRequest(7);
  request.deadline = absl::Now() + absl::Milliseconds(30);
  const absl::Time deadline = request.deadline;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  while (absl::Now() <= deadline) std::this_thread::yield();
  executor_->Release();

  const std::vector<FrameResult> results = results_.Wait(2);

  absl::Status expired;
  for (const FrameResult& result : results) expired.Update(result.status());
  EXPECT_EQ(expired.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(expired.message()), ::testing::ContainsRegex("stage (decode|execute)"));
  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, RefusesAFrameWhoseDeadlineHasPassed) {
  FrameRequest request = MakeRequest();
  request.deadline = absl::Now() - absl::Seconds(1);

  const absl::Status status = pipeline_->Submit(std::move(request), results_.Add());

  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("stage admission"));
}

TEST_F(PipelineTest, ACancelledFrameNeverReachesTheModel) {
  HoldModel();
  auto token = std::make_shared<CancellationToken>();
  FrameRequest request = MakeRequest(7);
  request.cancellation = token;
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  token->Cancel();
  executor_->Release();

  const std::vector<FrameResult> results = results_.Wait(2);

  EXPECT_EQ(observer_.failed.load(), 1);
  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, ShutdownAnswersEveryAcceptedFrame) {
  HoldModel();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  std::thread stopper([this] { pipeline_->Shutdown(); });
  executor_->Release();
  stopper.join();

  EXPECT_EQ(observer_.answered.load(), 6);
  EXPECT_EQ(observer_.in_flight.load(), 0);
  EXPECT_EQ(observer_.queued.load(), 0);
}

TEST_F(PipelineTest, EveryAcceptedFrameIsAnsweredExactlyOnceUnderLoadAndShutdown) {
  Make({.image_limits = {}, .max_frames_in_flight = 5, .max_batch = 2, .decode_threads = 3, .render_threads = 2});
  constexpr size_t kThreads = 4;
  constexpr size_t kFrames = 500;
  std::vector<std::atomic<int>> answers(kThreads * kFrames);
  std::vector<std::atomic<int>> accepted(kThreads * kFrames);
  std::atomic<int> attempts{0};
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kFrames; ++i) {
        const size_t id = t * kFrames + i;
        absl::Status status;
        do {  // again while the pipeline is full
          ++attempts;
          status = pipeline_->Submit(MakeRequest(id + 1000), [&answers, id](const FrameResult&) { ++answers[id]; });
        } while (absl::IsResourceExhausted(status));
        if (status.ok()) ++accepted[id];
      }
    });
  }
  executor_->WaitForCalls(20);
  pipeline_->Shutdown();
  for (std::thread& thread : threads) thread.join();

  for (size_t id = 0; id < answers.size(); ++id) EXPECT_EQ(answers[id].load(), accepted[id].load()) << id;
  EXPECT_EQ(observer_.answered.load() + observer_.failed.load(), attempts.load());
  EXPECT_EQ(observer_.in_flight.load(), 0);
  EXPECT_EQ(observer_.queued.load(), 0);
}

TEST_F(PipelineTest, AFrameExpiresWhileItWaitsAndNotWhenTheModelIsFree) {
  HoldModel();
  FrameRequest request = MakeRequest(7);
  request.deadline = absl::Now() + absl::Milliseconds(30);
  ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());

  const FrameResult result = results_.Wait(1)[0];  // the model is still held

  EXPECT_EQ(result.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_EQ(observer_.waiting_for_model.load(), 0);
  executor_->Release();
  results_.Wait(2);
  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, AnEarlierDeadlineWakesTheTimer) {
  HoldModel();
  for (const int milliseconds : {3'600'000, 30}) {
    FrameRequest request = MakeRequest(7);
    request.deadline = absl::Now() + absl::Milliseconds(milliseconds);
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  }

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(PipelineTest, ACancelledFrameLeavesAtOnce) {
  HoldModel();
  auto token = std::make_shared<CancellationToken>();
  for (uint64_t seed = 1; seed <= 3; ++seed) {
    FrameRequest request = MakeRequest(seed);
    if (seed != 2) request.cancellation = token;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
  }

  pipeline_->Cancel(*token);

  const std::vector<FrameResult> results = results_.Wait(2);  // the model is still held
  EXPECT_EQ(results[0].status().code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(results[1].status().code(), absl::StatusCode::kCancelled);
  executor_->Release();
  results_.Wait(4);
  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U)));
}

TEST_F(PipelineTest, ASkippedFrameIsAnsweredWithItsReason) {
  HoldModel();
  FrameId id = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(7), results_.Add(), &id).ok());
  Until([&] { return observer_.waiting_for_model.load() == 1; });

  EXPECT_TRUE(pipeline_->Skip(id, absl::AbortedError("skipped")));

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kAborted);
  EXPECT_FALSE(pipeline_->Skip(id, absl::AbortedError("skipped")));
  executor_->Release();
  results_.Wait(2);
  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U)));
}

TEST_F(PipelineTest, AFrameInsideTheModelCannotBeSkipped) {
  executor_->Hold();
  FrameId id = 0;
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(7), results_.Add(), &id).ok());
  executor_->WaitForCalls(1);

  EXPECT_FALSE(pipeline_->Skip(id, absl::AbortedError("skipped")));
}

TEST_F(PipelineTest, HighPriorityComesFirst) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  for (const auto& [seed, priority] : {std::pair(1, Priority::kLow), std::pair(2, Priority::kHigh)}) {
    FrameRequest request = MakeRequest(static_cast<uint64_t>(seed));
    request.options.priority = priority;
    ASSERT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    Until([&] { return observer_.waiting_for_model.load() == seed; });
  }
  executor_->Release();
  results_.Wait(3);

  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U), ElementsAre(1U)));
}

TEST_F(PipelineTest, AnOldFrameOfLowPriorityIsNotStarved) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  FrameRequest old = MakeRequest(1);
  old.options.priority = Priority::kLow;
  old.arrival -= std::chrono::seconds(6);  // more than the delay of low priority
  FrameRequest young = MakeRequest(2);
  young.options.priority = Priority::kHigh;
  ASSERT_TRUE(pipeline_->Submit(std::move(young), results_.Add()).ok());
  ASSERT_TRUE(pipeline_->Submit(std::move(old), results_.Add()).ok());
  Until([&] { return observer_.waiting_for_model.load() == 2; });
  executor_->Release();
  results_.Wait(3);

  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(1U), ElementsAre(2U)));
}

TEST_F(PipelineTest, ASoonerDeadlineComesFirstAmongEquals) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  HoldModel();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(1), results_.Add()).ok());
  FrameRequest urgent = MakeRequest(2);
  urgent.deadline = absl::Now() + absl::Milliseconds(800);
  ASSERT_TRUE(pipeline_->Submit(std::move(urgent), results_.Add()).ok());
  Until([&] { return observer_.waiting_for_model.load() == 2; });
  executor_->Release();
  results_.Wait(3);

  EXPECT_THAT(executor_->batches(), ElementsAre(ElementsAre(0U), ElementsAre(2U), ElementsAre(1U)));
}

TEST_F(PipelineTest, LowPriorityMayFillThreeQuarters) {
  Make({.image_limits = {}, .max_frames_in_flight = 4, .max_batch = 1});
  executor_->Hold();
  const auto submit = [this](Priority priority) {
    FrameRequest request = MakeRequest();
    request.options.priority = priority;
    return pipeline_->Submit(std::move(request), results_.Add());
  };
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(submit(Priority::kLow).ok());

  const absl::Status refused = submit(Priority::kLow);

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("low priority"));
  EXPECT_TRUE(submit(Priority::kNormal).ok());
}

TEST_F(PipelineTest, RefusesMoreBytesThanTheLimitAndNamesIt) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = 20, .max_batch = 1});
  executor_->Hold();
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());  // 8 bytes each
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());

  const absl::Status refused = pipeline_->Submit(MakeRequest(), results_.Add());

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("16 bytes of pictures in flight, max_bytes_in_flight = 20"));
  executor_->Release();
  results_.Wait(2);
  EXPECT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
}

TEST_F(PipelineTest, DecodedPicturesThatWaitAreBounded) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_decoded_bytes = 30, .max_batch = 4});  // 24 bytes each
  HoldModel();
  for (uint64_t seed = 1; seed <= 7; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  Until(
      [&] { return observer_.waiting_for_model.load() >= 2; });  // one in the line, one that waits for its place there
  executor_->Release();
  results_.Wait(8);

  for (const auto& batch : executor_->batches()) EXPECT_EQ(batch.size(), 1U);
}

TEST_F(PipelineTest, AFailedBatchIsTriedOnceMoreOnTheRebuiltReplica) {
  executor_->FailCalls(1);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_TRUE(results_.Wait(1)[0].ok());
  EXPECT_EQ(executor_->rebuilds(), 1);
  EXPECT_EQ(observer_.rebuilt_replicas.load(), 1);
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineTest, TheSecondFailureOfAFrameIsItsAnswer) {
  executor_->FailCalls(2);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(42), results_.Add()).ok());

  EXPECT_EQ(results_.Wait(1)[0].status().code(), absl::StatusCode::kInternal);
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(43), results_.Add()).ok());
  EXPECT_TRUE(results_.Wait(2)[1].ok());
}

TEST_F(PipelineTest, AnotherReplicaTakesTheBatchOfOneThatIsLost) {
  auto broken = std::make_shared<FakeExecutor>();
  broken->FailCalls(1000);
  broken->AllowRebuilds(0);
  pipeline_ =
      Pipeline::Create({.image_limits = {}, .max_frames_in_flight = 64, .max_batch = 1, .replicas = 2}, observer_);
  pipeline_->SetModels(OneModel({broken, executor_}));
  // Until the broken one has had its turn.
  size_t sent = 0;
  while (broken->rebuilds() == 0) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(sent), results_.Add()).ok());
    results_.Wait(++sent);
  }

  for (const FrameResult& result : results_.Wait(sent)) EXPECT_TRUE(result.ok()) << result.status();
  Until([&] { return observer_.lost_replicas.load() == 1; });
  EXPECT_TRUE(pipeline_->Healthy().ok());
}

TEST_F(PipelineTest, WithoutReplicasEveryFrameIsAnsweredAndHealthyTells) {
  executor_->FailCalls(1000);
  executor_->AllowRebuilds(0);
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    // Later ones may be refused already.
    if (!pipeline_->Submit(MakeRequest(seed), results_.Add()).ok()) break;
  }
  Until([&] { return observer_.in_flight.load() == 0; });

  EXPECT_EQ(observer_.answered.load(), 0);
  EXPECT_EQ(pipeline_->Healthy().code(), absl::StatusCode::kInternal);
  EXPECT_EQ(pipeline_->Submit(MakeRequest(), results_.Add()).code(), absl::StatusCode::kInternal);
}

TEST_F(PipelineTest, EveryFrameIsAnsweredExactlyOnceWhateverHappensToIt) {
  Make({.image_limits = {},
        .max_frames_in_flight = 16,
        .max_batch = 3,
        .max_delay = std::chrono::microseconds(200),
        .replicas = 2,
        .decode_threads = 2,
        .render_threads = 2});
  constexpr size_t kThreads = 4;
  constexpr size_t kFrames = 400;
  std::vector<std::atomic<int>> answers(kThreads * kFrames);
  std::vector<std::atomic<int>> accepted(kThreads * kFrames);
  std::vector<std::thread> threads;
  for (size_t t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (size_t i = 0; i < kFrames; ++i) {
        const size_t index = t * kFrames + i;
        FrameRequest request = MakeRequest(index + 1000);
        auto token = std::make_shared<CancellationToken>();
        request.cancellation = token;
        request.options.priority = static_cast<Priority>(i % 3);
        if (i % 5 == 0) request.deadline = absl::Now() + absl::Microseconds(300);
        FrameId id = 0;
        const absl::Status status =
            pipeline_->Submit(std::move(request), [&answers, index](const FrameResult&) { ++answers[index]; }, &id);
        if (status.ok()) ++accepted[index];
        if (i % 7 == 0) pipeline_->Cancel(*token);
        if (i % 11 == 0 && status.ok()) pipeline_->Skip(id, absl::AbortedError("skipped"));
        if (i % 50 == 0) executor_->FailCalls(1);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  pipeline_->Shutdown();

  for (size_t i = 0; i < answers.size(); ++i) EXPECT_EQ(answers[i].load(), accepted[i].load()) << i;
  EXPECT_EQ(observer_.in_flight.load(), 0);
  EXPECT_EQ(observer_.queued.load(), 0);
}

}  // namespace
}  // namespace bayespfl::server
