// Recordings of a batch's work, on an accelerator that lies in host memory and with a module that is imitated there
// (tests/support/host_graphs.h): when one is made and used, that it computes from what is sent now, and what becomes of
// one that fails.
#include "model/detection/recorded_batches.h"

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/bayespfl_detector.h"
#include "model/package/model_package.h"
#include "tests/support/host_accelerator.h"
#include "tests/support/host_graphs.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using testing::DeviceTraffic;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::ForgetTraffic;
using testing::GraphFault;
using ::testing::HasSubstr;
using testing::HostAccelerator;
using testing::HostGraphs;
using testing::HostGraphTraffic;
using ::testing::IsEmpty;
using ::testing::Pointwise;
using testing::SetGraphFault;
using ::testing::SizeIs;
using Way = RecordedBatches::Way;

// --- which batches are recorded ---

class RecordedBatchesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HostAccelerator();
    SetGraphFault(GraphFault::kNone);
  }

  // One batch of the shape, as the detector does it: y = 2 x in one step.
  Way Compute(RecordedBatches& recorded, int64_t shape) {
    RecordedBatches::Turn turn = recorded.Begin({shape});
    if (turn.way() == Way::kRecord) {
      torch::Tensor y;
      const std::vector<std::function<void()>> steps = {[&] { y = 2 * x_; }};
      turn.Record(HostAccelerator(), steps,
                  [&]() -> Recording::Tensors { return {.input = x_, .results = {y}, .gathered = y}; });
    } else if (turn.way() == Way::kCompare) {
      turn.recording().Replay(0);
      turn.Trust();
    } else if (turn.way() == Way::kReplay) {
      turn.recording().Replay(0);
      result_ = turn.recording().tensors.gathered.cpu();
    }
    return turn.way();
  }

  std::vector<Way> ComputeOften(RecordedBatches& recorded, int64_t shape, int times) {
    std::vector<Way> ways;
    for (int i = 0; i < times; ++i) ways.push_back(Compute(recorded, shape));
    return ways;
  }

  RecordedBatchesOptions Options(size_t most) {
    return {.most = most, .notice = [this](const std::string& sentence) { notices_.push_back(sentence); }};
  }

  const torch::Tensor x_ = torch::zeros({3}).to(HostAccelerator());
  torch::Tensor result_;
  std::vector<std::string> notices_;
};

TEST_F(RecordedBatchesTest, AShapeIsRecordedWhenItHasComeAFewTimesAndUsedWhenItWasCompared) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  EXPECT_THAT(ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3),
              ElementsAre(Way::kOrdinary, Way::kOrdinary, Way::kOrdinary, Way::kRecord, Way::kCompare, Way::kReplay));
  EXPECT_EQ(recorded.replays(), 1);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(RecordedBatchesTest, AReplayComputesFromWhatItsInputHoldsThen) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 2);
  x_.copy_(torch::arange(3, torch::kFloat32));
  ASSERT_EQ(Compute(recorded, 7), Way::kReplay);
  EXPECT_TRUE(torch::equal(result_, 2 * torch::arange(3, torch::kFloat32)));
}

TEST_F(RecordedBatchesTest, ShapesAreCountedEachByItself) {
  RecordedBatches recorded(HostGraphs(), Options(2));
  ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3);
  EXPECT_EQ(Compute(recorded, 8), Way::kOrdinary);
  EXPECT_EQ(Compute(recorded, 7), Way::kReplay);
}

TEST_F(RecordedBatchesTest, ANewRecordingTakesThePlaceOfTheOneThatWasLongestNotUsed) {
  RecordedBatches recorded(HostGraphs(), Options(2));
  for (const int64_t shape : {7, 8}) ComputeOften(recorded, shape, RecordedBatches::kBatchesBefore + 3);
  EXPECT_EQ(Compute(recorded, 7), Way::kReplay);
  ComputeOften(recorded, 9, RecordedBatches::kBatchesBefore + 3);
  EXPECT_EQ(HostGraphTraffic().alive, 2);
  EXPECT_EQ(HostGraphTraffic().sharing, 2) << "recordings share their memory";
  EXPECT_EQ(Compute(recorded, 7), Way::kReplay);
  EXPECT_EQ(Compute(recorded, 8), Way::kOrdinary) << "it is counted anew";
}

TEST_F(RecordedBatchesTest, ShapesThatNeverComeAgainAreForgotten) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  ComputeOften(recorded, 0, RecordedBatches::kBatchesBefore);
  for (int64_t shape = 1; shape <= static_cast<int64_t>(RecordedBatches::kMostShapes); ++shape) {
    Compute(recorded, shape);
  }
  EXPECT_EQ(Compute(recorded, 0), Way::kOrdinary);
}

TEST_F(RecordedBatchesTest, WhileOneBatchHasTheRecordingsAnotherIsComputedInTheOrdinaryWay) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3);
  {
    const RecordedBatches::Turn turn = recorded.Begin({7});
    EXPECT_EQ(turn.way(), Way::kReplay);
    EXPECT_EQ(recorded.Begin({7}).way(), Way::kOrdinary);
  }
  EXPECT_EQ(Compute(recorded, 7), Way::kReplay);
}

TEST_F(RecordedBatchesTest, WhatIsForgottenForItsMemoryMayBeRecordedAgain) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3);
  recorded.Begin({7}).Forget();
  EXPECT_EQ(HostGraphTraffic().alive, 0);
  EXPECT_THAT(ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3), ::testing::Contains(Way::kReplay));
}

TEST_F(RecordedBatchesTest, AGraphThatCannotBeMadeEndsItWithASentence) {
  for (const GraphFault fault : {GraphFault::kCreate, GraphFault::kBegin, GraphFault::kEnd}) {
    SetGraphFault(fault);
    notices_.clear();
    RecordedBatches recorded(HostGraphs(), Options(1));
    const std::vector<Way> ways = ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore + 3);
    EXPECT_THAT(std::vector<Way>(ways.end() - 2, ways.end()), ElementsAre(Way::kOrdinary, Way::kOrdinary));
    EXPECT_THAT(notices_, ElementsAre(AllOf(HasSubstr("computed in the ordinary way"),
                                            HasSubstr("the imitation was told to fail"))));
    EXPECT_EQ(HostGraphTraffic().alive, 0);
  }
}

TEST_F(RecordedBatchesTest, AStepThatThrowsEndsItsRecording) {
  RecordedBatches recorded(HostGraphs(), Options(1));
  ComputeOften(recorded, 7, RecordedBatches::kBatchesBefore);
  {
    RecordedBatches::Turn turn = recorded.Begin({7});
    ASSERT_EQ(turn.way(), Way::kRecord);
    const std::vector<std::function<void()>> steps = {[&] { x_ + 1; }, [] { TORCH_CHECK(false, "no such step"); }};
    turn.Record(HostAccelerator(), steps, []() -> Recording::Tensors { return {}; });
  }
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("no such step")));
  EXPECT_EQ(HostGraphTraffic().alive, 0);
}

// --- the detector ---

class RecordedDetectorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HostAccelerator();
    SetGraphFault(GraphFault::kNone);
  }

  std::unique_ptr<BayesPflDetector> Load(torch::Device device, size_t recorded_batches,
                                         Precision precision = Precision::kFp32) {
    ModelPackage package = testing::TinyPackage();
    package.config.precision = precision;
    package.config.stage = 2;  // all of it
    auto detector =
        BayesPflDetector::Load(package, device,
                               {.kernels = "linear=torch attention=torch maps=torch",
                                .recorded_batches = recorded_batches,
                                .notice = [this](const std::string& sentence) { notices_.push_back(sentence); },
                                .graph_module = device.is_cpu() ? nullptr : &HostGraphs()});
    EXPECT_TRUE(detector.ok()) << detector.status();
    return *std::move(detector);
  }

  // A batch of two runs; its pictures, draws and words follow from `seed`, its shape does not.
  static std::vector<absl::StatusOr<ComputedFrame>> Compute(const Detector& detector, uint64_t seed) {
    RgbImage picture{24, 16, std::vector<uint8_t>(size_t{3} * 24 * 16)};
    for (size_t i = 0; i < picture.pixels.size(); ++i) picture.pixels[i] = static_cast<uint8_t>(i * (37 + seed) % 251);
    const char* const object = seed % 2 == 0 ? "nut" : "wood";
    std::vector<std::unique_ptr<const PreparedFrame>> prepared;
    std::vector<const PreparedFrame*> batch;
    for (const Frame& frame :
         {Frame{.image = &picture, .object = object, .seed = seed, .samples = 2},
          Frame{.image = &picture, .object = object, .seed = seed + 1, .samples = 2, .map_deviation = true},
          Frame{.image = &picture, .object = object, .seed = seed + 2, .samples = 1}}) {
      auto one = detector.Prepare(frame);
      EXPECT_TRUE(one.ok()) << one.status();
      batch.push_back(one->get());
      prepared.push_back(*std::move(one));
    }
    ForgetTraffic();
    return detector.Compute(batch);
  }

  static void ExpectSame(const std::vector<absl::StatusOr<ComputedFrame>>& actual,
                         const std::vector<absl::StatusOr<ComputedFrame>>& expected) {
    constexpr float kTolerance = 1e-5F;
    ASSERT_EQ(actual.size(), expected.size());
    for (size_t i = 0; i < actual.size(); ++i) {
      ASSERT_TRUE(actual[i].ok()) << actual[i].status();
      EXPECT_NEAR(actual[i]->score, expected[i]->score, kTolerance) << i;
      EXPECT_NEAR(actual[i]->score_std, expected[i]->score_std, kTolerance) << i;
      EXPECT_THAT(actual[i]->map.values, Pointwise(FloatNear(kTolerance), expected[i]->map.values)) << i;
      EXPECT_THAT(actual[i]->map_std.values, Pointwise(FloatNear(kTolerance), expected[i]->map_std.values)) << i;
    }
  }

  std::vector<std::string> notices_;
};

// A recording that had kept anything of the batch that it was made with would be found here.
TEST_F(RecordedDetectorTest, EveryBatchHasTheCpusNumbersHoweverItWasComputed) {
  const auto cpu = Load(torch::kCPU, 0);
  const auto detector = Load(HostAccelerator(), 2);
  constexpr int kBatches = RecordedBatches::kBatchesBefore + 4;
  for (int i = 0; i < kBatches; ++i) {
    SCOPED_TRACE(i);
    const auto seed = static_cast<uint64_t>(10 * i + i % 2);
    ExpectSame(Compute(*detector, seed), Compute(*cpu, seed));
  }
  EXPECT_EQ(detector->replays(), 2);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(RecordedDetectorTest, AReplayTakesOneCopyThereOneBackAndOneWaitAndHasItsStagesTimes) {
  const auto detector = Load(HostAccelerator(), 2);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 2; ++i) Compute(*detector, 4);
  const auto frames = Compute(*detector, 6);
  EXPECT_EQ(detector->replays(), 1);
  EXPECT_EQ(DeviceTraffic().uploads, 1);
  EXPECT_EQ(DeviceTraffic().downloads, 1);
  EXPECT_EQ(DeviceTraffic().waits, 1);
  ASSERT_TRUE(frames[0].ok()) << frames[0].status();
  EXPECT_GT(frames[0]->seconds.vision, 0);
  EXPECT_GT(frames[0]->seconds.prompts, 0);
  EXPECT_GT(frames[0]->seconds.detect, 0);
}

// Replicas on one device share a detector: what another one computes meanwhile must not be recorded.
TEST_F(RecordedDetectorTest, IsRecordedOnAStreamThatNobodyElseUses) {
  const auto detector = Load(HostAccelerator(), 2);
  Compute(*detector, 4);
  const std::set<int64_t> usual = DeviceTraffic().streams;
  EXPECT_THAT(usual, SizeIs(1));
  for (int i = 1; i < RecordedBatches::kBatchesBefore; ++i) Compute(*detector, 4);
  Compute(*detector, 4);
  EXPECT_THAT(DeviceTraffic().streams, AllOf(SizeIs(2), ::testing::IsSupersetOf(usual)));
  Compute(*detector, 4);
  EXPECT_EQ(DeviceTraffic().streams, usual);
}

TEST_F(RecordedDetectorTest, SixteenBitsAreRecordedToo) {
  const auto plain = Load(HostAccelerator(), 0, Precision::kBf16);
  const auto detector = Load(HostAccelerator(), 1, Precision::kBf16);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 2; ++i) Compute(*detector, 2);
  ExpectSame(Compute(*detector, 8), Compute(*plain, 8));
  EXPECT_EQ(detector->replays(), 1);
  EXPECT_THAT(notices_, IsEmpty());
}

TEST_F(RecordedDetectorTest, ARecordingThatComputesSomethingElseIsNeverUsed) {
  const auto cpu = Load(torch::kCPU, 0);
  const auto detector = Load(HostAccelerator(), 2);
  SetGraphFault(GraphFault::kWrongResults);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 3; ++i) {
    ExpectSame(Compute(*detector, static_cast<uint64_t>(2 * i)), Compute(*cpu, static_cast<uint64_t>(2 * i)));
  }
  EXPECT_EQ(detector->replays(), 0);
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("off from what was computed")));
}

TEST_F(RecordedDetectorTest, WhenARecordingCannotBeMadeTheBatchHasItsResults) {
  const auto cpu = Load(torch::kCPU, 0);
  const auto detector = Load(HostAccelerator(), 2);
  SetGraphFault(GraphFault::kEnd);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 2; ++i) ExpectSame(Compute(*detector, 2), Compute(*cpu, 2));
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("recording failed: the imitation was told to fail")));
}

// The server computes the frames again, then in the ordinary way.
TEST_F(RecordedDetectorTest, AReplayThatFailsFailsItsFramesOnceAndIsTheLast) {
  const auto cpu = Load(torch::kCPU, 0);
  const auto detector = Load(HostAccelerator(), 2);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 2; ++i) Compute(*detector, 2);
  SetGraphFault(GraphFault::kReplay);
  EXPECT_EQ(Compute(*detector, 2)[0].status().code(), absl::StatusCode::kInternal);
  ExpectSame(Compute(*detector, 2), Compute(*cpu, 2));
  EXPECT_THAT(notices_, ElementsAre(HasSubstr("a recorded step cannot be repeated: the imitation was told to fail")));
}

TEST_F(RecordedDetectorTest, AskedForNoneItRecordsNone) {
  const auto detector = Load(HostAccelerator(), 0);
  for (int i = 0; i < RecordedBatches::kBatchesBefore + 3; ++i) Compute(*detector, 2);
  EXPECT_EQ(HostGraphTraffic().made, 0);
  EXPECT_EQ(detector->replays(), 0);
}

}  // namespace
}  // namespace bayespfl
