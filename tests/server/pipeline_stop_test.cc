// Every frame is answered exactly once: at a stop, under load, whatever happens to it.
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

TEST_F(PipelineTest, RefusesFramesWhileDraining) {
  pipeline_->Drain();

  EXPECT_EQ(pipeline_->Submit(MakeRequest(), results_.Add()).code(), absl::StatusCode::kUnavailable);
}

TEST_F(PipelineTest, ShutdownAnswersEveryAcceptedFrame) {
  HoldModel();
  for (uint64_t seed = 1; seed <= 5; ++seed) {
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  }
  std::thread stopper([this] { pipeline_->Shutdown(); });
  detector_->Release();
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
  detector_->WaitForCalls(20);
  pipeline_->Shutdown();
  for (std::thread& thread : threads) thread.join();

  for (size_t id = 0; id < answers.size(); ++id) EXPECT_EQ(answers[id].load(), accepted[id].load()) << id;
  EXPECT_EQ(observer_.answered.load() + observer_.failed.load(), attempts.load());
  EXPECT_EQ(observer_.in_flight.load(), 0);
  EXPECT_EQ(observer_.queued.load(), 0);
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
        if (i % 11 == 0 && status.ok()) pipeline_->Skip(id, SkipFrom::kAnyLine, absl::AbortedError("skipped"));
        if (i % 50 == 0) detector_->FailCalls(1);
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
