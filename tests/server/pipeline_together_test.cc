// Frames that are accepted together or not at all.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <latch>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

constexpr int64_t kBytes = 8;  // of a picture of MakeRequest()

// Pipelines with eight slots, unless a test says otherwise.
class PipelineTogetherTest : public PipelineTest {
 protected:
  static std::vector<FrameRequest> Frames(size_t count, Priority priority = Priority::kNormal) {
    std::vector<FrameRequest> frames;
    for (size_t i = 0; i < count; ++i) {
      frames.push_back(MakeRequest(i + 1));
      frames.back().client = "line-3";
      frames.back().options.priority = priority;
    }
    return frames;
  }

  // Their results come to `results_`.
  absl::Status Submit(std::vector<FrameRequest> frames) {
    return pipeline_->SubmitTogether(
        std::move(frames), [add = results_.Add()](size_t /*index*/, FrameResult result) { add(std::move(result)); });
  }

  // Makes a pipeline, one slot of which is taken by a frame that the model does not finish before Release().
  void MakeWithOneInside(const PipelineOptions& options) {
    Make(options);
    HoldModel();
  }
};

// ---- All of them ---------------------------------------------------------------------------------------------------

TEST_F(PipelineTogetherTest, EveryFrameIsAnsweredWithItsIndex) {
  Mutex mu;
  CondVar changed;
  std::vector<std::pair<size_t, uint64_t>> answers;

  const absl::Status accepted = pipeline_->SubmitTogether(Frames(3), [&](size_t index, const FrameResult& result) {
    MutexLock lock(mu);
    answers.emplace_back(index, result.ok() ? result->inspection.provenance.seed : 0);
    changed.NotifyAll();
  });

  ASSERT_TRUE(accepted.ok()) << accepted;
  MutexLock lock(mu);
  while (answers.size() < 3) changed.Wait(mu);
  EXPECT_THAT(answers, UnorderedElementsAre(Pair(0, 1), Pair(1, 2), Pair(2, 3)));
}

TEST_F(PipelineTogetherTest, TheyMayFillThePipeline) {
  detector_->Hold();

  EXPECT_TRUE(Submit(Frames(8)).ok());

  EXPECT_EQ(pipeline_->frames_in_flight(), 8);
  EXPECT_EQ(observer_.in_flight, 8);
  EXPECT_EQ(observer_.bytes_in_flight, 8 * kBytes);
  EXPECT_EQ(RefusalOf(Submit(Frames(1))), Refusal::kQueueFull);
}

// ---- Or none -------------------------------------------------------------------------------------------------------

TEST_F(PipelineTogetherTest, OneThatFindsNoSlotKeepsAllOthersOut) {
  MakeWithOneInside({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});

  const absl::Status refused = Submit(Frames(8));

  EXPECT_EQ(refused.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(RefusalOf(refused), Refusal::kQueueFull);
  EXPECT_EQ(refused.message(), "the server is full: 1 frames in flight, max_frames_in_flight = 8, and 8 come together");
  EXPECT_EQ(observer_.Refused(Refusal::kQueueFull), 8);
  EXPECT_EQ(pipeline_->frames_in_flight(), 1);
  EXPECT_EQ(observer_.in_flight, 1);
  detector_->Release();
  pipeline_->Shutdown();
  EXPECT_EQ(detector_->frames(), 1U);
  EXPECT_EQ(results_.Wait(1).size(), 1U);  // that of the frame inside: no other is called back
}

TEST_F(PipelineTogetherTest, OnePictureTooManyKeepsAllOthersOut) {
  MakeWithOneInside({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = 3 * kBytes});

  const absl::Status refused = Submit(Frames(3));

  EXPECT_EQ(RefusalOf(refused), Refusal::kBytesFull);
  EXPECT_EQ(observer_.bytes_in_flight, kBytes);
  EXPECT_TRUE(Submit(Frames(2)).ok());
}

// Their message is in memory already, whatever is decided.
TEST_F(PipelineTogetherTest, AnEmptyPipelineTakesThemWhateverTheirBytes) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight = kBytes});

  EXPECT_TRUE(Submit(Frames(3)).ok());

  for (const FrameResult& result : results_.Wait(3)) EXPECT_TRUE(result.ok()) << result.status();
}

TEST_F(PipelineTogetherTest, TheirClientsFramesCountTogether) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_frames_in_flight_per_client = 4, .max_batch = 1});
  detector_->Hold();
  ASSERT_TRUE(Submit(Frames(2)).ok());

  const absl::Status refused = Submit(Frames(3));

  EXPECT_EQ(RefusalOf(refused), Refusal::kClientLimit);
  EXPECT_EQ(refused.message(),
            "the client has 2 frames in flight, max_frames_in_flight_per_client = 4, and 3 come together");
  EXPECT_EQ(pipeline_->frames_in_flight(), 2);
  EXPECT_TRUE(Submit(Frames(2)).ok());
}

TEST_F(PipelineTogetherTest, TheirClientsBytesCountTogether) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_bytes_in_flight_per_client = 4 * kBytes, .max_batch = 1});
  detector_->Hold();
  ASSERT_TRUE(Submit(Frames(2)).ok());

  EXPECT_EQ(RefusalOf(Submit(Frames(3))), Refusal::kClientLimit);
  EXPECT_TRUE(Submit(Frames(2)).ok());
}

TEST_F(PipelineTogetherTest, AFrameThatIsWrongIsNamedAndKeepsAllOthersOut) {
  size_t asked = 0;
  PipelineOptions options;
  options.admit = [&asked](const std::string& /*client*/, size_t frames) {
    asked += frames;
    return absl::OkStatus();
  };
  Make(options);
  std::vector<FrameRequest> frames = Frames(3);
  frames[1].options.category.category = "<|endoftext|>";
  std::optional<size_t> at_fault;

  const absl::Status refused =
      pipeline_->SubmitTogether(std::move(frames), [](size_t /*index*/, const FrameResult& /*result*/) {}, &at_fault);

  EXPECT_EQ(RefusalOf(refused), Refusal::kInvalid);
  EXPECT_EQ(at_fault, 1U);
  EXPECT_EQ(observer_.failed, 3);
  EXPECT_EQ(observer_.in_flight, 0);
  EXPECT_EQ(asked, 0U) << "what is wrong takes nothing of its client's rate";
}

TEST_F(PipelineTogetherTest, TheClientIsAskedForAllOfThemAtOnce) {
  std::vector<size_t> asked;
  PipelineOptions options;
  options.admit = [&asked](const std::string& /*client*/, size_t frames) {
    asked.push_back(frames);
    return absl::OkStatus();
  };
  Make(options);

  ASSERT_TRUE(Submit(Frames(2)).ok());
  ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());

  results_.Wait(3);
  EXPECT_EQ(asked, (std::vector<size_t>{2, 1}));
}

// Five and five do not fit into eight: frame by frame both would find some slots, and perhaps neither enough.
TEST_F(PipelineTogetherTest, OfTwoThatComeAtOnceAndDoNotFitTogetherOneIsAccepted) {
  for (size_t round = 1; round <= 50; ++round) {
    detector_->Hold();
    std::latch together(2);
    std::atomic<int> accepted{0};
    const auto submit = [&] {
      together.arrive_and_wait();
      if (Submit(Frames(5)).ok()) ++accepted;
    };
    std::thread other(submit);
    submit();
    other.join();

    ASSERT_EQ(accepted, 1);
    detector_->Release();
    results_.Wait(5 * round);
    ASSERT_EQ(pipeline_->frames_in_flight(), 0);
  }
}

// ---- Never ---------------------------------------------------------------------------------------------------------

TEST_F(PipelineTogetherTest, MoreThanThereAreSlotsAreRefusedForEverByTheNameOfTheSetting) {
  const absl::Status refused = Submit(Frames(9));

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RefusalOf(refused), Refusal::kInvalid);
  EXPECT_EQ(refused.message(), "9 frames can never be inside together: at most 8, max_frames_in_flight = 8");
}

TEST_F(PipelineTogetherTest, LowPriorityHasThreeQuartersOfTheSlots) {
  const absl::Status refused = Submit(Frames(7, Priority::kLow));

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()),
              HasSubstr("at most 6, max_frames_in_flight = 8 (low priority: three quarters)"));
  EXPECT_TRUE(Submit(Frames(6, Priority::kLow)).ok());
}

TEST_F(PipelineTogetherTest, MoreThanOneClientMayHaveAreRefusedForEver) {
  Make({.image_limits = {}, .max_frames_in_flight = 8, .max_frames_in_flight_per_client = 4});

  const absl::Status refused = Submit(Frames(5));

  EXPECT_EQ(refused.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("at most 4, max_frames_in_flight_per_client = 4"));
}

// ---- Every way out gives the slots back ----------------------------------------------------------------------------

TEST_F(PipelineTogetherTest, ThoseThatExpireGiveTheirSlotsBack) {
  MakeWithOneInside({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  std::vector<FrameRequest> frames = Frames(7);
  for (FrameRequest& frame : frames) frame.deadline = absl::Now() + absl::Milliseconds(20);

  ASSERT_TRUE(Submit(std::move(frames)).ok());

  for (const FrameResult& result : results_.Wait(7)) EXPECT_TRUE(absl::IsDeadlineExceeded(result.status()));
  EXPECT_EQ(pipeline_->frames_in_flight(), 1);
  EXPECT_TRUE(Submit(Frames(7)).ok());
}

TEST_F(PipelineTogetherTest, ThoseOfAClientThatLeavesGiveTheirSlotsBack) {
  MakeWithOneInside({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  const auto token = std::make_shared<CancellationToken>();
  std::vector<FrameRequest> frames = Frames(7);
  for (FrameRequest& frame : frames) frame.cancellation = token;
  ASSERT_TRUE(Submit(std::move(frames)).ok());

  pipeline_->Cancel(*token);

  for (const FrameResult& result : results_.Wait(7)) EXPECT_TRUE(absl::IsCancelled(result.status()));
  EXPECT_EQ(pipeline_->frames_in_flight(), 1);
  EXPECT_TRUE(Submit(Frames(7)).ok());
}

TEST_F(PipelineTogetherTest, ADrainAnswersThoseInsideAndTakesNoMore) {
  MakeWithOneInside({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 1});
  ASSERT_TRUE(Submit(Frames(7)).ok());

  pipeline_->Drain();
  const absl::Status refused = Submit(Frames(1));
  detector_->Release();
  pipeline_->Shutdown();

  EXPECT_EQ(RefusalOf(refused), Refusal::kDraining);
  for (const FrameResult& result : results_.Wait(8)) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(observer_.in_flight, 0);
  EXPECT_EQ(observer_.bytes_in_flight, 0);
}

// A frame that waits at the door does not hold up those that cannot wait, and comes in when they leave.
TEST_F(PipelineTogetherTest, TheirSlotsGoToFramesThatWait) {
  detector_->Hold();
  ASSERT_TRUE(Submit(Frames(8)).ok());
  FrameRequest patient = MakeRequest();
  std::atomic<int> entered{0};
  patient.on_entered = [&entered] { ++entered; };
  ASSERT_TRUE(pipeline_->Submit(std::move(patient), results_.Add()).ok());
  EXPECT_EQ(entered, 0);

  detector_->Release();

  for (const FrameResult& result : results_.Wait(9)) EXPECT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(entered, 1);
}

}  // namespace
}  // namespace bayespfl::server
