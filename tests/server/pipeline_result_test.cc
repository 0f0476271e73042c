// What the pipeline answers: which setting a frame is inspected with, its verdict, its provenance, its times.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "tests/server/pipeline_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::Ge;
using ::testing::IsEmpty;
using ::testing::MatchesRegex;
using ::testing::Not;

// The stand-in model with times of its own and with lines on the largest region of "wood".
class TimedDetector final : public Detector, public std::enable_shared_from_this<TimedDetector> {
 public:
  TimedDetector() {
    info_ = fake_.info();
    CategoryCalibration wood;
    wood.defaults = {.object = "wood",
                     .samples = 1,
                     .thresholds = {.source = ThresholdSource::kCategory,
                                    .mask = 0.5F,  // its regions: the first pixel, 1/64 of the picture
                                    .lines = {{.rule = DecisionRule::kRegionArea, .review = 0.01F, .fail = 0.5F}}}};
    info_.categories["wood"] = wood;
  }

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const bayespfl::Frame& frame) const override {
    return fake_.Prepare(frame);
  }
  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override {
    return fake_.Compute(frames);
  }
  Detection Finish(ComputedFrame frame) const override {
    Detection detection = fake_.Finish(std::move(frame));
    detection.seconds = {.preprocess = 1, .vision = 2, .prompts = 3, .detect = 4, .postprocess = 5};
    return detection;
  }
  absl::Status Validate(absl::string_view object, int samples) const override {
    return fake_.Validate(object, samples);
  }
  const ModelInfo& info() const override { return info_; }
  std::shared_ptr<const FrameHandler> frame_handler() const override { return shared_from_this(); }

 private:
  FakeDetector fake_;
  ModelInfo info_;
};

class PipelineResultTest : public PipelineTest {
 protected:
  InspectionOutcome Answer(FrameRequest request) {
    EXPECT_TRUE(pipeline_->Submit(std::move(request), results_.Add()).ok());
    const FrameResult result = results_.Wait(++submitted_).back();
    EXPECT_TRUE(result.ok()) << result.status();
    return result.ok() ? *result : InspectionOutcome();
  }
  Inspection Inspect(const CategoryRequest& category) {
    FrameRequest request = MakeRequest();
    request.options.category = category;
    return Answer(std::move(request)).inspection;
  }

  void ServeTimedDetector() {
    const auto reload = []() -> absl::StatusOr<std::shared_ptr<const Detector>> { return absl::InternalError("gone"); };
    auto replica = std::make_shared<Replica>(std::make_shared<TimedDetector>(), reload);
    auto model = std::make_shared<ServedModel>("timed", Replicas{std::move(replica)});
    pipeline_->SetModels({.models = {{"timed", std::move(model)}}, .default_model = "timed"});
  }

  const Thresholds leather_ = LeatherCalibration().defaults.thresholds;

 private:
  size_t submitted_ = 0;
};

// ---- Numbers -------------------------------------------------------------------------------------------------------

TEST_F(PipelineResultTest, AnswersAFrameWithScoresAndAreasAndNothingUnasked) {
  const InspectionOutcome outcome = Answer(MakeRequest(42));

  EXPECT_FLOAT_EQ(outcome.inspection.score, 0.42F);
  EXPECT_FLOAT_EQ(outcome.inspection.map_score, 0.5F);
  EXPECT_FLOAT_EQ(outcome.inspection.mask_threshold, 0.75F);
  EXPECT_DOUBLE_EQ(outcome.inspection.mask_area_fraction, 1.0 / 64);
  EXPECT_DOUBLE_EQ(outcome.inspection.largest_region_fraction, 1.0 / 64);
  EXPECT_EQ(outcome.inspection.frame_width, 4);
  EXPECT_EQ(outcome.inspection.frame_height, 2);
  EXPECT_EQ(outcome.inspection.regions_total, std::nullopt);
  EXPECT_FALSE(outcome.anomaly_map.has_value());
  EXPECT_FALSE(outcome.deviation_map.has_value());
  EXPECT_FALSE(outcome.mask.has_value());
  EXPECT_FALSE(outcome.picture.has_value());
}

TEST_F(PipelineResultTest, SendsWhatWasAskedForAtTheFramesSize) {
  FrameRequest request = MakeRequest();
  request.options.anomaly_map = MapEncoding::kFloat32;
  request.options.deviation_map = MapEncoding::kPng16;
  request.options.mask = MaskEncoding::kUint8;
  request.options.judge.want_regions = true;

  const InspectionOutcome outcome = Answer(std::move(request));

  ASSERT_TRUE(outcome.anomaly_map.has_value());
  EXPECT_EQ(outcome.anomaly_map->data.size(), 8 * sizeof(float));
  ASSERT_TRUE(outcome.deviation_map.has_value());
  EXPECT_EQ(outcome.deviation_map->width, 4);
  ASSERT_TRUE(outcome.mask.has_value());
  EXPECT_EQ(outcome.mask->data.size(), 4U * 2);
  EXPECT_EQ(outcome.inspection.regions_total, 1U);
  ASSERT_EQ(outcome.inspection.regions.size(), 1U);
  EXPECT_EQ(outcome.inspection.regions[0].box, (Box{.x = 0, .y = 0, .width = 0.5F, .height = 0.25F}));
}

// The verdict needs no more, and larger maps are made only where they are sent (RenderTest).
TEST_F(PipelineResultTest, TheModelIsAskedForMapsOfItsOwnSizeWhateverTheFrameWants) {
  Answer(MakeRequest(1));
  FrameRequest with_map = MakeRequest(2);
  with_map.options.anomaly_map = MapEncoding::kPng8;
  Answer(std::move(with_map));

  EXPECT_THAT(detector_->map_sizes(), ElementsAre(MapSize::kModel, MapSize::kModel));
}

// ---- The category's setting ----------------------------------------------------------------------------------------

TEST_F(PipelineResultTest, AFrameIsDrawnAndJudgedAsItsCategoryWasCalibrated) {
  const Inspection inspection = Inspect({.category = "leather"});

  EXPECT_EQ(inspection.category, "leather");
  EXPECT_EQ(inspection.object, "tanned leather");
  EXPECT_THAT(detector_->objects(), ElementsAre("tanned leather"));
  EXPECT_EQ(inspection.provenance.seed, 7U);
  EXPECT_EQ(inspection.provenance.samples, 5);
  EXPECT_EQ(inspection.thresholds, leather_);
  EXPECT_THAT(inspection.thresholds.revision, Not(IsEmpty()));
  EXPECT_FLOAT_EQ(inspection.mask_threshold, 0.25F);
  ASSERT_TRUE(inspection.mixed_score.has_value());
  EXPECT_FLOAT_EQ(*inspection.mixed_score, 0.5F * 0.07F / 0.5F + 0.5F * 0.5F);
}

TEST_F(PipelineResultTest, WhatTheRequestSaysWinsOverTheCategory) {
  const Inspection inspection = Inspect({.category = "leather", .object = "tanned leather", .samples = 2, .seed = 42});

  EXPECT_EQ(inspection.provenance.seed, 42U);
  EXPECT_EQ(inspection.provenance.samples, 2);
  EXPECT_FLOAT_EQ(inspection.score, 0.42F);
  EXPECT_EQ(inspection.thresholds, leather_);
}

TEST_F(PipelineResultTest, WithAnotherObjectNobodyDrewLines) {
  const Inspection inspection = Inspect({.category = "leather", .object = "cowhide", .seed = 88});

  EXPECT_EQ(inspection.category, "leather");
  EXPECT_EQ(inspection.object, "cowhide");
  EXPECT_THAT(detector_->objects(), ElementsAre("cowhide"));
  EXPECT_EQ(inspection.thresholds, detector_->info().default_thresholds);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kNone);
  EXPECT_FALSE(inspection.mixed_score.has_value());
}

TEST_F(PipelineResultTest, AnUnknownCategoryIsItsOwnObjectWithTheModelsDefaults) {
  const Inspection inspection = Inspect({.category = "metal nut"});

  EXPECT_EQ(inspection.object, "metal nut");
  EXPECT_EQ(inspection.provenance.seed, 0U);
  EXPECT_EQ(inspection.provenance.samples, 3);
  EXPECT_EQ(inspection.thresholds.source, ThresholdSource::kPackage);
  EXPECT_FLOAT_EQ(inspection.mask_threshold, 0.75F);
  EXPECT_EQ(inspection.decision.verdict, Verdict::kNone);
  EXPECT_EQ(inspection.decision.rule, std::nullopt);
}

// ---- The verdict ---------------------------------------------------------------------------------------------------

TEST_F(PipelineResultTest, TheVerdictFollowsTheCategorysLinesAndNamesItsRule) {
  struct Case {
    uint64_t seed;  // score = seed / 100; REVIEW above 0.3, FAIL above 0.5
    Verdict verdict;
  };
  for (const Case& expected :
       {Case{30, Verdict::kPass}, Case{31, Verdict::kReview}, Case{50, Verdict::kReview}, Case{51, Verdict::kFail}}) {
    const Decision decision = Inspect({.category = "leather", .seed = expected.seed}).decision;
    EXPECT_EQ(decision.verdict, expected.verdict) << expected.seed;
    const bool passed = expected.verdict == Verdict::kPass;
    EXPECT_EQ(decision.rule, passed ? std::nullopt : std::optional(DecisionRule::kScore)) << expected.seed;
  }
}

// The region that decides is found by the category's own mask, at the model's size.
TEST_F(PipelineResultTest, TheVerdictDoesNotDependOnWhatElseIsAskedFor) {
  ServeTimedDetector();
  std::vector<FrameRequest> requests(5);
  for (FrameRequest& request : requests) {
    request = MakeRequest();
    request.options.category = {.category = "wood"};
  }
  requests[1].options.judge.mask_threshold = 0.0F;  // all of the picture
  requests[2].options.judge = {.mask_threshold = 1.0F, .want_regions = true, .max_regions = 1};
  requests[3].options.resolution = MapSize::kModel;
  requests[3].options.mask = MaskEncoding::kPng1;
  auto larger = std::make_shared<std::vector<uint8_t>>(64 * 32, uint8_t{128});
  requests[4].image.pixels = RawImage{.data = *larger, .width = 64, .height = 32};
  requests[4].owner = larger;

  for (size_t i = 0; i < requests.size(); ++i) {
    const std::optional<float> asked = requests[i].options.judge.mask_threshold;
    const Inspection inspection = Answer(std::move(requests[i])).inspection;

    EXPECT_EQ(inspection.decision.verdict, Verdict::kReview) << i;
    EXPECT_EQ(inspection.decision.rule, DecisionRule::kRegionArea) << i;
    EXPECT_DOUBLE_EQ(inspection.largest_region_fraction, 1.0 / 64) << i;
    EXPECT_FLOAT_EQ(inspection.thresholds.mask, 0.5F) << i;
    EXPECT_FLOAT_EQ(inspection.mask_threshold, asked.value_or(0.5F)) << i;
    EXPECT_DOUBLE_EQ(inspection.mask_area_fraction, i == 1 ? 1.0 : 1.0 / 64) << i;
  }
}

// ---- Provenance ----------------------------------------------------------------------------------------------------

TEST_F(PipelineResultTest, SaysAllThatItTakesToComputeTheSameAgain) {
  Make({.image_limits = {}, .server_version = "9.8.7"});

  const Provenance provenance = Answer(MakeRequest(42)).inspection.provenance;

  EXPECT_THAT(provenance.result_id,
              MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
  EXPECT_EQ(provenance.model, "fake");
  EXPECT_EQ(provenance.model_digest, detector_->info().digest);
  EXPECT_EQ(provenance.computation_digest, "ba9876543210");
  EXPECT_EQ(provenance.model_version, detector_->info().version);
  EXPECT_EQ(provenance.precision, "fp32");
  EXPECT_EQ(provenance.kernels, "fake kernels");
  EXPECT_EQ(provenance.device, "cpu");
  EXPECT_EQ(provenance.server_version, "9.8.7");
  EXPECT_EQ(provenance.seed, 42U);
  EXPECT_EQ(provenance.samples, 3);
  EXPECT_THAT(provenance.picture.sha256, Not(IsEmpty()));
  EXPECT_TRUE(provenance.ran_alone);
}

TEST_F(PipelineResultTest, EveryResultHasAnIdOfItsOwn) {
  constexpr size_t kFrames = 8;
  HoldModel();
  for (size_t i = 1; i < kFrames; ++i) ASSERT_TRUE(pipeline_->Submit(MakeRequest(), results_.Add()).ok());
  detector_->Release();

  std::set<std::string> ids;
  for (const FrameResult& result : results_.Wait(kFrames)) ids.insert(result->inspection.provenance.result_id);

  EXPECT_EQ(ids.size(), kFrames);
}

TEST_F(PipelineResultTest, OnlyAFrameWithoutABatchRanAlone) {
  HoldModel();  // its frame, of seed 0, is alone
  for (const uint64_t seed : {1U, 2U}) ASSERT_TRUE(pipeline_->Submit(MakeRequest(seed), results_.Add()).ok());
  ASSERT_TRUE(Eventually([&] { return observer_.waiting_for_model.load() == 2; }));
  detector_->Release();

  for (const FrameResult& result : results_.Wait(3)) {
    const Provenance& provenance = result->inspection.provenance;
    EXPECT_EQ(provenance.ran_alone, provenance.seed == 0) << provenance.seed;
  }
}

// ---- Times ---------------------------------------------------------------------------------------------------------

TEST_F(PipelineResultTest, TimesStandInTheOrderOfTheFramesWayAndTheTotalLast) {
  ServeTimedDetector();

  const std::vector<StageTiming> timings = Answer(MakeRequest()).inspection.timings;

  std::vector<std::string> stages;
  for (const StageTiming& timing : timings) stages.push_back(timing.stage);
  ASSERT_THAT(stages, ElementsAre("queue", "decode", "preprocess", "vision", "prompts", "detect", "postprocess",
                                  "render", "total"));
  for (size_t i = 0; i < 5; ++i) EXPECT_EQ(timings[2 + i].seconds, static_cast<double>(i + 1)) << timings[2 + i].stage;
}

TEST_F(PipelineResultTest, TheTotalHoldsAllOtherTimes) {
  const std::vector<StageTiming> timings = Answer(MakeRequest()).inspection.timings;

  double sum = 0;  // the stand-in model takes no time
  for (size_t i = 0; i + 1 < timings.size(); ++i) sum += timings[i].seconds;
  EXPECT_THAT(timings, Each(Field(&StageTiming::seconds, Ge(0))));
  EXPECT_GT(timings.back().seconds, 0);
  EXPECT_GE(timings.back().seconds, sum);
}

}  // namespace
}  // namespace bayespfl::server
