#include "model/detection/detector.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/pixel_map.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl {
namespace {

using ::testing::Each;
using ::testing::Ge;
using ::testing::HasSubstr;
using ::testing::Le;

// A textured picture that differs by `phase`.
RgbImage Picture(int width, int height, int phase) {
  RgbImage image{width, height, std::vector<uint8_t>(3 * static_cast<size_t>(width) * static_cast<size_t>(height))};
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>((i * static_cast<size_t>(7 + phase) + i / 97) % 251);
  }
  return image;
}

class DetectorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto detector = Detector::Create(testing::kDemoModel, {.device = testing::TestDevice()});
    ASSERT_TRUE(detector.ok()) << detector.status();
    detector_ = detector->release();
  }

  static Detection DetectOne(const Frame& frame) {
    auto results = detector_->Detect({&frame, 1});
    EXPECT_TRUE(results[0].ok()) << results[0].status();
    return *results[0];
  }

  static inline const Detector* detector_ = nullptr;
};

TEST_F(DetectorTest, ScoresAndMapsLieInTheirRanges) {
  const RgbImage image = Picture(160, 120, 0);
  const Detection result = DetectOne({.image = &image, .object = "wood", .seed = 1, .map_deviation = true});
  EXPECT_THAT(result.score, ::testing::AllOf(Ge(0), Le(1)));
  EXPECT_GT(result.score_std, 0);
  EXPECT_EQ(result.map.width, testing::kDemoModelSide);
  EXPECT_EQ(result.map.height, testing::kDemoModelSide);
  EXPECT_THAT(result.map.values, Each(::testing::AllOf(Ge(0), Le(1))));
  ASSERT_EQ(result.map_std.values.size(), size_t{testing::kDemoModelSide} * testing::kDemoModelSide);
  EXPECT_THAT(result.map_std.values, Each(Ge(0)));
  EXPECT_EQ(result.samples, 10);
}

TEST_F(DetectorTest, MapsAtFrameSizeHaveThePicturesShape) {
  const RgbImage image = Picture(150, 90, 0);
  const Detection result =
      DetectOne({.image = &image, .object = "wood", .map_size = MapSize::kFrame, .map_deviation = true});
  for (const PixelMap& map : {result.map, result.map_std}) {
    EXPECT_EQ(map.width, 150);
    EXPECT_EQ(map.height, 90);
    EXPECT_EQ(map.values.size(), 150U * 90U);
  }
}

TEST_F(DetectorTest, TheMapIsSmoothedAndItsScoreIsOfTheMapBefore) {
  constexpr double kHottest = 0.0075;
  const RgbImage image = Picture(160, 120, 0);
  Frame frame{.image = &image, .object = "wood", .seed = 1};
  const Detection smooth = DetectOne(frame);
  frame.smooth = false;
  const Detection raw = DetectOne(frame);

  const PixelMap expected = SmoothMap(raw.map, detector_->info().map_smoothing_sigma);
  EXPECT_NE(raw.map.values, expected.values);
  EXPECT_THAT(smooth.map.values, ::testing::Pointwise(::testing::FloatNear(1e-6F), expected.values));
  EXPECT_NEAR(raw.map_score, HottestMean(raw.map, kHottest), 1e-6);
  EXPECT_NEAR(smooth.map_score, raw.map_score, 1e-6);
}

// Draw r does not depend on R. So one sample is a, two are the mean of a and b, and the population deviation of a and
// b, |a - b| / 2, is what lies between the two answers.
TEST_F(DetectorTest, DeviationsAreThePopulationsOverTheSamples) {
  const RgbImage image = Picture(160, 120, 0);
  Frame frame{.image = &image, .object = "wood", .seed = 1, .samples = 1, .map_deviation = true, .smooth = false};
  const Detection one = DetectOne(frame);
  frame.samples = 2;
  const Detection two = DetectOne(frame);

  EXPECT_EQ(one.score_std, 0);
  EXPECT_GT(two.score_std, 1e-4);
  EXPECT_NEAR(two.score_std, std::abs(two.score - one.score), 1e-6);
  ASSERT_EQ(two.map_std.values.size(), two.map.values.size());
  const auto most = std::max_element(two.map_std.values.begin(), two.map_std.values.end());
  const auto pixel = static_cast<size_t>(most - two.map_std.values.begin());
  EXPECT_GT(*most, 1e-4);
  EXPECT_NEAR(*most, std::abs(two.map.values[pixel] - one.map.values[pixel]), 1e-6);
}

TEST_F(DetectorTest, TheSameFrameAloneIsBitEqual) {
  const RgbImage image = Picture(224, 224, 1);
  const Frame frame{.image = &image, .object = "metal nut", .seed = 42, .samples = 3};
  const Detection first = DetectOne(frame);
  const Detection second = DetectOne(frame);
  EXPECT_EQ(first.score, second.score);
  EXPECT_EQ(first.map.values, second.map.values);
}

TEST_F(DetectorTest, AnotherSeedGivesAnotherScore) {
  const RgbImage image = Picture(224, 224, 1);
  EXPECT_NE(DetectOne({.image = &image, .object = "metal nut", .seed = 1}).score,
            DetectOne({.image = &image, .object = "metal nut", .seed = 2}).score);
}

TEST_F(DetectorTest, TheRestOfTheBatchDoesNotMatter) {
  const RgbImage a = Picture(224, 224, 1);
  const RgbImage b = Picture(300, 100, 5);
  const std::vector<Frame> frames = {
      {.image = &a, .object = "metal nut", .seed = 3, .samples = 2},
      {.image = &b, .object = "a very long name of a printed circuit board", .seed = 4, .samples = 7},
      {.image = &b, .object = "wood", .seed = 5, .samples = 1, .map_size = MapSize::kNone}};
  const auto together = detector_->Detect(frames);
  for (size_t i = 0; i < frames.size(); ++i) {
    ASSERT_TRUE(together[i].ok()) << together[i].status();
    const Detection alone = DetectOne(frames[i]);
    EXPECT_NEAR(together[i]->score, alone.score, 1e-5);
    EXPECT_NEAR(together[i]->score_std, alone.score_std, 1e-5);
    EXPECT_NEAR(together[i]->map_score, alone.map_score, 1e-5);
    ASSERT_EQ(together[i]->map.values.size(), alone.map.values.size());
    for (size_t p = 0; p < alone.map.values.size(); ++p)
      ASSERT_NEAR(together[i]->map.values[p], alone.map.values[p], 1e-5);
  }
}

TEST_F(DetectorTest, ABadFrameFailsAlone) {
  const RgbImage image = Picture(100, 100, 1);
  const std::vector<Frame> frames = {{.image = &image, .object = "wood"},
                                     {.image = nullptr, .object = "wood"},
                                     {.image = &image, .object = "<|endoftext|>"},
                                     {.image = &image, .object = "wood", .samples = kMaxSamples + 1}};
  const auto results = detector_->Detect(frames);
  EXPECT_TRUE(results[0].ok());
  for (size_t i = 1; i < frames.size(); ++i) EXPECT_EQ(results[i].status().code(), absl::StatusCode::kInvalidArgument);
}

// --- the three steps ---

std::vector<const PreparedFrame*> Pointers(const std::vector<std::unique_ptr<const PreparedFrame>>& frames) {
  std::vector<const PreparedFrame*> pointers;
  for (const auto& frame : frames) pointers.push_back(frame.get());
  return pointers;
}

TEST_F(DetectorTest, TheStepsInThreadsOfTheirOwnGiveTheBitsOfDetect) {
  Frame frame{.object = "wood", .seed = 5, .samples = 2, .map_size = MapSize::kFrame, .map_deviation = true};
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  std::thread([&] {
    const RgbImage image = Picture(150, 90, 3);  // gone before the device's turn
    frame.image = &image;
    prepared.push_back(*detector_->Prepare(frame));
  }).join();
  std::vector<absl::StatusOr<ComputedFrame>> computed;
  std::thread([&] { computed = detector_->Compute(Pointers(prepared)); }).join();
  ASSERT_TRUE(computed[0].ok()) << computed[0].status();
  const Detection steps = detector_->Finish(*std::move(computed[0]));

  const RgbImage image = Picture(150, 90, 3);
  frame.image = &image;
  const Detection whole = DetectOne(frame);
  EXPECT_EQ(steps.score, whole.score);
  EXPECT_EQ(steps.score_std, whole.score_std);
  EXPECT_EQ(steps.map_score, whole.map_score);
  EXPECT_EQ(steps.map.values, whole.map.values);
  EXPECT_EQ(steps.map_std.values, whole.map_std.values);
  EXPECT_GT(steps.seconds.preprocess, 0);
  EXPECT_GT(steps.seconds.postprocess, 0);
}

TEST_F(DetectorTest, APreparedFrameCanBeComputedAgainToTheBit) {
  const RgbImage image = Picture(224, 224, 1);
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  prepared.push_back(*detector_->Prepare({.image = &image, .object = "wood", .seed = 5, .samples = 2}));

  const absl::StatusOr<ComputedFrame> first = detector_->Compute(Pointers(prepared))[0];
  const absl::StatusOr<ComputedFrame> second = detector_->Compute(Pointers(prepared))[0];

  ASSERT_TRUE(first.ok() && second.ok());
  EXPECT_EQ(first->score, second->score);
  EXPECT_EQ(first->map.values, second->map.values);
}

TEST_F(DetectorTest, AnotherDetectorOfThePackageAndKernelsComputesAPreparedFrameToTheBit) {
  const auto other =
      Detector::Create(testing::kDemoModel, {.device = testing::TestDevice(), .kernels = detector_->info().kernels});
  ASSERT_TRUE(other.ok()) << other.status();
  const RgbImage image = Picture(224, 224, 1);
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  prepared.push_back(*detector_->Prepare({.image = &image, .object = "wood", .seed = 5, .samples = 2}));

  const absl::StatusOr<ComputedFrame> here = detector_->Compute(Pointers(prepared))[0];
  const absl::StatusOr<ComputedFrame> there = (*other)->Compute(Pointers(prepared))[0];

  ASSERT_TRUE(here.ok() && there.ok());
  EXPECT_EQ(here->score, there->score);
  EXPECT_EQ(here->map.values, there->map.values);
}

// Forms are the CPU's alone: a GPU has LibTorch's.
TEST_F(DetectorTest, EveryFormOfTheCpusKernelsGivesTheSameNumbers) {
  const RgbImage image = Picture(224, 224, 1);
  const Frame frame = {.image = &image, .object = "metal nut", .seed = 3, .samples = 3, .map_deviation = true};
  const Detection expected = DetectOne(frame);
  for (const std::string kernels :
       {"linear=torch attention=torch maps=torch", "linear=onednn attention=torch maps=plain",
        "linear=torch attention=plain maps=torch", "linear=onednn attention=plain maps=plain"}) {
    const auto other = Detector::Create(testing::kDemoModel, {.device = "cpu", .kernels = kernels});
    ASSERT_TRUE(other.ok()) << other.status();
    EXPECT_THAT((*other)->info().kernels, HasSubstr(kernels));
    const Detection result = *(*other)->Detect({&frame, 1})[0];
    EXPECT_NEAR(result.score, expected.score, 1e-5) << kernels;
    EXPECT_THAT(result.map.values, ::testing::Pointwise(::testing::FloatNear(1e-5F), expected.map.values)) << kernels;
    EXPECT_THAT(result.map_std.values, ::testing::Pointwise(::testing::FloatNear(1e-5F), expected.map_std.values))
        << kernels;
  }
}

TEST_F(DetectorTest, TheCpuRefusesAFormThatThereIsNot) {
  const auto detector = Detector::Create(testing::kDemoModel, {.device = "cpu", .kernels = "linear=magic"});
  EXPECT_EQ(detector.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(detector.status().message(), HasSubstr("linear=magic: it is one of \"torch\", \"onednn\""));
}

TEST_F(DetectorTest, APreparedFrameWeighsWhatTheNetworkTakes) {
  const RgbImage small = Picture(10, 10, 1);
  const auto prepared = detector_->Prepare({.image = &small, .object = "wood"});
  ASSERT_TRUE(prepared.ok()) << prepared.status();
  EXPECT_GE((*prepared)->bytes(), sizeof(float) * 3 * testing::kDemoModelSide * testing::kDemoModelSide);
  EXPECT_LT((*prepared)->bytes(), sizeof(float) * 3 * testing::kDemoModelSide * testing::kDemoModelSide + 1000);
}

TEST_F(DetectorTest, AFrameThatWantsNoMapHasItsScoresAndNoMapAtAll) {
  const RgbImage image = Picture(300, 200, 1);
  Frame frame{.image = &image, .object = "wood", .seed = 5, .samples = 2, .map_size = MapSize::kNone};
  frame.map_deviation = true;  // of which there is none without a map
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  prepared.push_back(*detector_->Prepare(frame));
  absl::StatusOr<ComputedFrame> computed = std::move(detector_->Compute(Pointers(prepared))[0]);
  ASSERT_TRUE(computed.ok()) << computed.status();
  EXPECT_TRUE(computed->map_std.values.empty());

  const Detection result = detector_->Finish(*std::move(computed));

  EXPECT_TRUE(result.map.values.empty());
  EXPECT_TRUE(result.map_std.values.empty());
  frame.map_size = MapSize::kFrame;
  const Detection with_map = DetectOne(frame);
  EXPECT_EQ(result.score, with_map.score);
  EXPECT_EQ(result.map_score, with_map.map_score);
}

// --- objects ---

TEST_F(DetectorTest, ObjectsThatFillTheContextAreAcceptedAndOneTokenMoreIsRefused) {
  // Context 77, 10 prompt rows: the end of text may stand at 67, start and "X" before it leave 65 tokens.
  std::string object = "a";
  for (int i = 1; i < 65; ++i) object += " a";
  EXPECT_TRUE(detector_->Validate(object, 1).ok());
  const absl::Status status = detector_->Validate(object + " a", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("leaves room for 65"));
}

TEST_F(DetectorTest, EmptyOverlongAndInvalidObjectsAreRefused) {
  for (const std::string& object : {std::string(), std::string("  "), std::string("&nbsp; "), std::string("\xff\xfe"),
                                    std::string(kMaxCategoryBytes + 1, 'a')}) {
    const absl::Status status = detector_->Validate(object, 1);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << object;
    EXPECT_THAT(std::string(status.message()), ::testing::StartsWith("object")) << object;
  }
}

TEST_F(DetectorTest, AnObjectWithASpecialTokenIsRefused) {
  const absl::Status status = detector_->Validate("wood <|endoftext|>", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), ::testing::StartsWith("object"));
}

TEST_F(DetectorTest, DataSetNamesMeanTheirWords) {
  const RgbImage image = Picture(224, 224, 1);
  EXPECT_EQ(DetectOne({.image = &image, .object = "pcb1"}).score,
            DetectOne({.image = &image, .object = "printed circuit board"}).score);
  EXPECT_NE(DetectOne({.image = &image, .object = "metal_plate"}).score,
            DetectOne({.image = &image, .object = "metal plate"}).score);
}

// --- what it says of itself ---

TEST_F(DetectorTest, ItsInfoSaysWhatComputes) {
  const ModelInfo& info = detector_->info();
  EXPECT_EQ(info.kind, "bayes-pfl");
  EXPECT_EQ(info.precision, "fp32");
  EXPECT_EQ(info.device, testing::TestDevice());
  EXPECT_EQ(info.digest.size(), 64U);
}

TEST_F(DetectorTest, InAnotherPrecisionItSaysSo) {
  const auto detector =
      Detector::Create(testing::kDemoModel,
                       {.device = testing::TestDevice(), .ignore_calibration = true, .precision = Precision::kBf16});
  ASSERT_TRUE(detector.ok()) << detector.status();
  const ModelInfo& info = (*detector)->info();
  EXPECT_EQ(info.precision, "bf16");
  EXPECT_THAT(info.version, ::testing::EndsWith("+bf16"));
  EXPECT_NE(info.computation_digest, detector_->info().computation_digest);
}

TEST_F(DetectorTest, ACalibrationOfAnotherPrecisionIsRefused) {
  const auto detector =
      Detector::Create(testing::kDemoModel, {.device = testing::TestDevice(), .precision = Precision::kBf16});
  EXPECT_EQ(detector.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(detector.status().message()),
              HasSubstr("thresholds were made in fp32, and the package is computed in bf16"));
}

TEST(CpuDetectorTest, ItsKernelsAreLibraryInstructionsAndThreads) {
  const auto detector = Detector::Create(testing::kDemoModel, {.device = "cpu"});
  ASSERT_TRUE(detector.ok()) << detector.status();
  EXPECT_THAT((*detector)->info().kernels,
              ::testing::MatchesRegex(
                  "libtorch [0-9]+\\.[0-9]+\\.[0-9]+ [A-Z0-9]+ linear=[a-z0-9]+ attention=[a-z0-9]+ maps=[a-z0-9]+ "
                  "threads=[1-9][0-9]*"));
}

TEST_F(DetectorTest, TheEmbeddedModelsMaskThresholdIsThePackages) {
  const Thresholds& thresholds = detector_->info().default_thresholds;
  EXPECT_EQ(thresholds.source, ThresholdSource::kPackage);
  EXPECT_EQ(thresholds.mask, testing::kDemoModelMask);
  EXPECT_THAT(thresholds.lines, ::testing::IsEmpty());
}

TEST_F(DetectorTest, ManyThreadsGetTheAnswersOfOne) {
  const RgbImage image = Picture(224, 224, 2);
  const Frame frame{.image = &image, .object = "leather", .seed = 9, .samples = 2};
  const float expected = DetectOne(frame).score;
  std::vector<float> scores(4);
  std::vector<std::thread> threads;
  for (float& score : scores) threads.emplace_back([&] { score = DetectOne(frame).score; });
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(scores, Each(::testing::FloatNear(expected, 1e-5F)));
}

// --- packages ---

class PackageTest : public ::testing::Test {
 protected:
  PackageTest() { testing::CopyDemoModel(dir_); }

  void ReplaceInConfig(const std::string& from, const std::string& to) const {
    folder_.Replace("model/config.json", from, to);
  }
  absl::Status Load() const { return Detector::Create(dir_, {.device = testing::TestDevice()}).status(); }

  const testing::TemporaryFolder folder_;
  const std::filesystem::path dir_ = folder_.File("model");
};

TEST_F(PackageTest, AMissingFolderIsNotFound) {
  std::filesystem::remove_all(dir_);
  EXPECT_EQ(Load().code(), absl::StatusCode::kNotFound);
}

TEST_F(PackageTest, AFolderThatTheSystemRefusesToLookUpIsNotFound) {
  const absl::Status status =
      Detector::Create(dir_ / std::string(300, 'a'), {.device = testing::TestDevice()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("File name too long"));
}

TEST_F(PackageTest, AMissingFileIsNamed) {
  std::filesystem::remove(dir_ / "clip.safetensors");
  EXPECT_EQ(Load().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(Load().message()), HasSubstr("clip.safetensors"));
}

TEST_F(PackageTest, ATruncatedWeightFileNamesATensor) {
  std::filesystem::resize_file(dir_ / "clip.safetensors", std::filesystem::file_size(dir_ / "clip.safetensors") - 1000);
  EXPECT_EQ(Load().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Load().message()), HasSubstr("tensor \""));
}

TEST_F(PackageTest, AWrongSizeNamesTheTensorAndBothShapes) {
  ReplaceInConfig("\"flow_steps\": 10", "\"flow_steps\": 11");
  EXPECT_EQ(Load().code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(std::string(Load().message()), HasSubstr("PFL_context.amor_u.weight"));
}

TEST_F(PackageTest, AnUnknownKeyIsNamed) {
  ReplaceInConfig("\"stage\": 2", "\"stage\": 2, \"stagee\": 2");
  EXPECT_EQ(Load().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Load().message()), HasSubstr("\"stagee\" is not a known key"));
}

TEST_F(PackageTest, AnUnknownKindNamesTheKnownOnes) {
  ReplaceInConfig("\"kind\": \"bayes-pfl\"", "\"kind\": \"patch-core\"");
  EXPECT_EQ(Load().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Load().message()), HasSubstr("the known ones are: \"bayes-pfl\""));
}

TEST_F(PackageTest, WithoutAThresholdTheMaskIsDrawnByTheDefault) {
  const std::string text = folder_.Read("model/config.json");
  const size_t begin = text.find("\"thresholds\"");
  const size_t end = text.find("},", begin) + 2;
  folder_.Write("model/config.json", text.substr(0, begin) + text.substr(end));
  auto detector = Detector::Create(dir_, {.device = testing::TestDevice()});
  ASSERT_TRUE(detector.ok()) << detector.status();
  EXPECT_EQ((*detector)->info().default_thresholds, Thresholds());
}

TEST_F(PackageTest, TheVersionFollowsTheContent) {
  const std::string before = (*Detector::Create(dir_, {.device = testing::TestDevice()}))->info().version;
  ReplaceInConfig("\"samples\": 10", "\"samples\": 11");
  const std::string after = (*Detector::Create(dir_, {.device = testing::TestDevice()}))->info().version;
  EXPECT_THAT(before, ::testing::StartsWith(absl::StrCat(testing::kDemoModelVersion, "+")));
  EXPECT_NE(before, after);
}

TEST_F(PackageTest, IadSamplingFirstKeepsTheFirstFramesStateDraws) {
  ReplaceInConfig("\"iad_sampling\": \"request\"", "\"iad_sampling\": \"first\"");
  auto detector = Detector::Create(dir_, {.device = testing::TestDevice()});
  ASSERT_TRUE(detector.ok()) << detector.status();
  const RgbImage image = Picture(224, 224, 1);
  const Frame first{.image = &image, .object = "wood", .seed = 1};
  const Frame second{.image = &image, .object = "wood", .seed = 2};
  auto per_request = Detector::Create(testing::kDemoModel, {.device = testing::TestDevice()});
  ASSERT_TRUE(per_request.ok());
  EXPECT_EQ((*detector)->Detect({&first, 1})[0]->score, (*per_request)->Detect({&first, 1})[0]->score);
  EXPECT_NE((*detector)->Detect({&second, 1})[0]->score, (*per_request)->Detect({&second, 1})[0]->score);
}

TEST(DeviceTest, AnUnknownDeviceIsAnError) {
  EXPECT_EQ(Detector::Create(testing::kDemoModel, {.device = "tpu"}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace bayespfl
