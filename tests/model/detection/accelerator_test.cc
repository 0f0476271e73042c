// The detector on an accelerator that lies in host memory (tests/support/host_accelerator.h): what a batch costs on its
// way there and back, and that it gives the CPU's numbers all the same.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/bayespfl_detector.h"
#include "model/detection/device_stream.h"
#include "model/detection/host_stage.h"
#include "model/package/model_package.h"
#include "tests/support/host_accelerator.h"
#include "tests/support/tiny_package.h"

namespace bayespfl {
namespace {

using ::testing::Contains;
using testing::DeviceTraffic;
using ::testing::ElementsAre;
using ::testing::FloatNear;
using testing::ForgetTraffic;
using testing::HostAccelerator;
using ::testing::IsEmpty;
using testing::kDefaultStream;
using ::testing::Not;
using ::testing::Pointwise;
using ::testing::SizeIs;

// --- the imitation ---

TEST(HostAcceleratorTest, ANumberThatIsAskedForIsWaitedFor) {
  const torch::Tensor tensor = torch::ones({2}).to(HostAccelerator());
  ForgetTraffic();
  EXPECT_EQ(tensor.sum().item<float>(), 2);
  EXPECT_EQ(DeviceTraffic().waits, 1);
}

TEST(HostAcceleratorTest, ACopyOfUsualMemoryIsWaitedFor) {
  ForgetTraffic();
  torch::ones({2}).to(HostAccelerator(), /*non_blocking=*/true).to(torch::kCPU);
  EXPECT_EQ(DeviceTraffic().uploads, 1);
  EXPECT_EQ(DeviceTraffic().downloads, 1);
  EXPECT_EQ(DeviceTraffic().waits, 2);
}

TEST(HostAcceleratorTest, AMixtureOfDevicesIsNoted) {
  const torch::Tensor there = torch::ones({2, 2}).to(HostAccelerator());
  ForgetTraffic();
  try {
    torch::mm(there, torch::ones({2, 2}));
  } catch (const c10::Error&) {  // as it may, or not
  }
  EXPECT_THAT(DeviceTraffic().mixtures, Contains("aten::mm"));
}

// --- what moves ---

TEST(HostStageTest, BringsTensorsOfAllTypesThereWithOneCopyThatNobodyWaitsFor) {
  const HostStage stage({{.shape = {2, 3}}, {.shape = {5}, .type = torch::kInt64}}, HostAccelerator());
  stage.host()[0].copy_(torch::arange(6).view({2, 3}));
  stage.host()[1].copy_(torch::arange(5) * 7);
  ForgetTraffic();

  const std::vector<torch::Tensor> sent = stage.Send();

  EXPECT_EQ(DeviceTraffic().uploads, 1);
  EXPECT_EQ(DeviceTraffic().waits, 0);
  EXPECT_FALSE(sent[0].is_cpu());
  EXPECT_TRUE(torch::equal(sent[0].cpu(), torch::arange(6, torch::kFloat32).view({2, 3})));
  EXPECT_TRUE(torch::equal(sent[1].cpu(), torch::arange(5) * 7));
}

TEST(HostStageTest, OnTheCpuNothingIsCopied) {
  const HostStage stage({{.shape = {4}}}, torch::kCPU);
  EXPECT_EQ(stage.Send()[0].const_data_ptr(), stage.host()[0].const_data_ptr());
}

TEST(StartDownloadTest, BringsAllTensorsBackWithOneCopyForTheStreamToDo) {
  const torch::Tensor first = torch::arange(6, torch::kFloat32).view({2, 3}).to(HostAccelerator());
  const torch::Tensor second = torch::full({4}, 7.0F).to(HostAccelerator());
  const std::optional<c10::Stream> stream = MakeStream(HostAccelerator());
  ForgetTraffic();

  const std::vector<torch::Tensor> host = StartDownload({first, {}, second});

  EXPECT_EQ(DeviceTraffic().downloads, 1);
  EXPECT_EQ(DeviceTraffic().waits, 0);
  stream->synchronize();
  EXPECT_TRUE(torch::equal(host[0], torch::arange(6, torch::kFloat32).view({2, 3})));
  EXPECT_FALSE(host[1].defined());
  EXPECT_TRUE(torch::equal(host[2], torch::full({4}, 7.0F)));
}

TEST(StartDownloadTest, OnTheCpuNothingIsCopied) {
  const torch::Tensor tensor = torch::ones({3});
  EXPECT_EQ(StartDownload({tensor})[0].const_data_ptr(), tensor.const_data_ptr());
}

TEST(StageClockTest, TimesAreThereWhenTheStreamHasComeToTheMarks) {
  const std::optional<c10::Stream> stream = MakeStream(HostAccelerator());
  StageClock clock(stream);
  const size_t from = clock.Mark();
  const size_t to = clock.Mark();
  EXPECT_ANY_THROW(clock.Between(from, to));
  stream->synchronize();
  EXPECT_GE(clock.Between(from, to), 0);
  EXPECT_LT(clock.Between(from, to), 1);
}

// --- the detector ---

class AcceleratorTest : public ::testing::Test {
 protected:
  void SetUp() override {
    HostAccelerator();
    for (size_t i = 0; i < picture_.pixels.size(); ++i) picture_.pixels[i] = static_cast<uint8_t>(i * 37 % 251);
  }

  static std::unique_ptr<BayesPflDetector> Load(torch::Device device, Precision precision = Precision::kFp32) {
    ModelPackage package = testing::TinyPackage();
    package.config.precision = precision;
    package.config.stage = 2;  // all of it
    auto detector = BayesPflDetector::Load(package, device, {.kernels = "linear=torch attention=torch maps=torch"});
    EXPECT_TRUE(detector.ok()) << detector.status();
    return *std::move(detector);
  }

  // Frames of different objects, samples and wishes, as a server's batch has them; the first three make up a run.
  std::vector<ComputedFrame> ComputeBatch(const Detector& detector) {
    std::vector<std::unique_ptr<const PreparedFrame>> prepared;
    std::vector<const PreparedFrame*> batch;
    for (const Frame& frame :
         {Frame{.image = &picture_, .object = "metal nut", .seed = 1, .samples = 2},
          Frame{.image = &picture_, .object = "a much longer name", .seed = 2, .samples = 2},
          Frame{.image = &picture_, .object = "nut", .seed = 3, .samples = 2, .map_deviation = true},
          Frame{.image = &picture_, .object = "nut", .seed = 4, .samples = 3}}) {
      auto one = detector.Prepare(frame);
      EXPECT_TRUE(one.ok()) << one.status();
      batch.push_back(one->get());
      prepared.push_back(*std::move(one));
    }
    ForgetTraffic();
    std::vector<ComputedFrame> computed;
    for (absl::StatusOr<ComputedFrame>& frame : detector.Compute(batch)) {
      EXPECT_TRUE(frame.ok()) << frame.status();
      if (frame.ok()) computed.push_back(*std::move(frame));
    }
    return computed;
  }

 private:
  RgbImage picture_{24, 16, std::vector<uint8_t>(size_t{3} * 24 * 16)};
};

TEST_F(AcceleratorTest, ABatchTakesOneCopyThereOneBackAndOneWait) {
  const auto detector = Load(HostAccelerator());
  ComputeBatch(*detector);
  EXPECT_EQ(DeviceTraffic().uploads, 1);
  EXPECT_EQ(DeviceTraffic().downloads, 1);
  EXPECT_EQ(DeviceTraffic().waits, 1);
  EXPECT_THAT(DeviceTraffic().mixtures, IsEmpty());
}

// Had anything been read before the device was done, it would be NaN.
TEST_F(AcceleratorTest, GivesTheCpusNumbers) {
  constexpr float kTolerance = 1e-5F;
  const std::vector<ComputedFrame> expected = ComputeBatch(*Load(torch::kCPU));
  const std::vector<ComputedFrame> computed = ComputeBatch(*Load(HostAccelerator()));
  ASSERT_EQ(computed.size(), expected.size());
  for (size_t i = 0; i < expected.size(); ++i) {
    EXPECT_NEAR(computed[i].score, expected[i].score, kTolerance) << i;
    EXPECT_NEAR(computed[i].score_std, expected[i].score_std, kTolerance) << i;
    EXPECT_THAT(computed[i].map.values, Pointwise(FloatNear(kTolerance), expected[i].map.values)) << i;
    EXPECT_THAT(computed[i].map_std.values, Pointwise(FloatNear(kTolerance), expected[i].map_std.values)) << i;
    EXPECT_EQ(computed[i].map_std.values.empty(), i != 2) << i;
  }
}

TEST_F(AcceleratorTest, InSixteenBitsItIsAsNearToTheCpuAsThePrecisionAllows) {
  const std::vector<ComputedFrame> expected = ComputeBatch(*Load(torch::kCPU));
  for (const auto& [precision, map_tolerance] :
       {std::pair(Precision::kBf16, 2e-2F), std::pair(Precision::kFp16, 5e-3F)}) {
    const auto score_tolerance = static_cast<float>(ScoreTolerance(precision));
    SCOPED_TRACE(PrecisionName(precision));
    const std::vector<ComputedFrame> computed = ComputeBatch(*Load(HostAccelerator(), precision));
    EXPECT_EQ(DeviceTraffic().uploads, 1);
    EXPECT_EQ(DeviceTraffic().downloads, 1);
    EXPECT_EQ(DeviceTraffic().waits, 1);
    EXPECT_THAT(DeviceTraffic().mixtures, IsEmpty());
    ASSERT_EQ(computed.size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      EXPECT_NEAR(computed[i].score, expected[i].score, score_tolerance) << i;
      EXPECT_NEAR(computed[i].score_std, expected[i].score_std, score_tolerance) << i;
      EXPECT_THAT(computed[i].map.values, Pointwise(FloatNear(map_tolerance), expected[i].map.values)) << i;
      EXPECT_THAT(computed[i].map.values, Not(Pointwise(FloatNear(1e-7F), expected[i].map.values))) << "rounded?";
    }
  }
}

TEST_F(AcceleratorTest, EachDetectorHasAStreamOfItsOwn) {
  const auto first = Load(HostAccelerator());
  const auto second = Load(HostAccelerator());
  ComputeBatch(*first);
  const std::set<int64_t> streams_of_first = DeviceTraffic().streams;
  ComputeBatch(*second);
  EXPECT_THAT(streams_of_first, SizeIs(1));
  EXPECT_THAT(DeviceTraffic().streams, SizeIs(1));
  EXPECT_NE(DeviceTraffic().streams, streams_of_first);
  EXPECT_THAT(DeviceTraffic().streams, Not(Contains(kDefaultStream)));
}

// Replicas on one device share a detector, and compute at the same time.
TEST_F(AcceleratorTest, ABatchTakesAStreamThatNoOtherHasMeanwhile) {
  const auto detector = Load(HostAccelerator());
  ComputeBatch(*detector);
  const std::set<int64_t> usual = DeviceTraffic().streams;
  {
    const StreamPool::Lease another_batch = detector->streams().Take();
    EXPECT_THAT(usual, ElementsAre(another_batch.stream()->id()));
    ComputeBatch(*detector);
    EXPECT_THAT(DeviceTraffic().streams, SizeIs(1));
    EXPECT_NE(DeviceTraffic().streams, usual);
    EXPECT_THAT(DeviceTraffic().streams, Not(Contains(kDefaultStream)));
  }
  ComputeBatch(*detector);
  EXPECT_EQ(DeviceTraffic().streams, usual) << "the memory that the stream has used is not used again";
}

TEST(StreamPoolTest, OnTheCpuThereAreNone) {
  StreamPool pool(torch::kCPU);
  EXPECT_FALSE(pool.Take().stream().has_value());
}

TEST_F(AcceleratorTest, TheThreadsStreamIsWhatItWasBefore) {
  const auto detector = Load(HostAccelerator());
  ComputeBatch(*detector);
  ForgetTraffic();
  torch::ones({2}).to(HostAccelerator()).sum();
  EXPECT_THAT(DeviceTraffic().streams, ElementsAre(kDefaultStream));
}

TEST_F(AcceleratorTest, StagesTakeTheDevicesTime) {
  for (const ComputedFrame& frame : ComputeBatch(*Load(HostAccelerator()))) {
    EXPECT_GT(frame.seconds.vision, 0);
    EXPECT_GT(frame.seconds.prompts, 0);
    EXPECT_GT(frame.seconds.detect, 0);
    EXPECT_LT(frame.seconds.vision + frame.seconds.prompts + frame.seconds.detect, 600);
  }
}

}  // namespace
}  // namespace bayespfl
