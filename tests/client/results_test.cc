#include "client/cpp/results.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "client/cpp/call_errors.h"

namespace bayespfl::client {
namespace {

namespace wire = inspection::v1;
using ::testing::ElementsAre;

// A reply with every field set, each to a value of its own.
wire::InspectResponse FullReply() {
  wire::InspectResponse reply;
  reply.set_category("MN-17");
  reply.set_object("metal nut");
  reply.set_verdict(wire::VERDICT_REVIEW);
  reply.set_decided_by(wire::DECISION_RULE_MAP_SCORE);
  wire::Thresholds& thresholds = *reply.mutable_thresholds();
  thresholds.set_source(wire::THRESHOLD_SOURCE_CATEGORY);
  thresholds.set_revision("0123456789ab");
  thresholds.set_mask(0.625F);
  thresholds.set_min_region_fraction(0.001);
  wire::DecisionLine& line = *thresholds.add_lines();
  line.set_rule(wire::DECISION_RULE_MAP_SCORE);
  line.set_review(0.25F);
  line.set_fail(0.5F);
  reply.set_score(0.75F);
  reply.set_score_std(0.125F);
  reply.set_map_score(0.375F);
  reply.set_mixed_score(-0.5F);
  reply.set_mask_area_fraction(0.0625);
  reply.set_largest_region_fraction(0.03125);
  reply.set_frame_width(640);
  reply.set_frame_height(480);
  wire::Region& region = *reply.add_regions();
  region.mutable_box()->set_x(1);
  region.mutable_box()->set_y(2);
  region.mutable_box()->set_width(3);
  region.mutable_box()->set_height(4);
  region.set_area_pixels(12);
  region.set_area_fraction(0.5);
  region.set_peak(0.875F);
  region.set_mean(0.8125F);
  region.mutable_centroid()->set_x(5);
  region.mutable_centroid()->set_y(6);
  region.add_contour()->set_x(7);
  reply.set_regions_total(9);
  wire::Provenance& provenance = *reply.mutable_provenance();
  provenance.set_result_id("id");
  provenance.set_model("line-a");
  provenance.set_model_digest("digest");
  provenance.set_computation_digest("computation");
  provenance.set_model_version("1+digest");
  provenance.set_precision("fp32");
  provenance.set_kernels("kernels");
  provenance.set_device("cuda:0");
  provenance.set_server_version("0.1.0");
  provenance.set_seed(18446744073709551615U);
  provenance.set_samples(10);
  provenance.set_picture_sha256("ab");
  provenance.set_ran_alone(true);
  wire::StageTiming& timing = *reply.add_timings();
  timing.set_stage("total");
  timing.set_seconds(0.25);
  return reply;
}

TEST(ResultsTest, KeepsScoresAndVerdict) {
  const Inspection result = ToInspection(FullReply());

  EXPECT_EQ(result.category, "MN-17");
  EXPECT_EQ(result.object, "metal nut");
  EXPECT_EQ(result.decision.verdict, Verdict::kReview);
  EXPECT_EQ(result.decision.rule, DecisionRule::kMapScore);
  EXPECT_EQ(result.score, 0.75F);
  EXPECT_EQ(result.score_std, 0.125F);
  EXPECT_EQ(result.map_score, 0.375F);
  EXPECT_EQ(result.mixed_score, -0.5F);
  EXPECT_EQ(result.mask_area_fraction, 0.0625);
  EXPECT_EQ(result.largest_region_fraction, 0.03125);
  EXPECT_EQ(result.frame_width, 640);
  EXPECT_EQ(result.frame_height, 480);
  ASSERT_EQ(result.timings.size(), 1U);
  EXPECT_EQ(result.timings[0].stage, "total");
  EXPECT_EQ(result.timings[0].seconds, 0.25);
}

TEST(ResultsTest, KeepsThresholds) {
  const Inspection result = ToInspection(FullReply());

  EXPECT_EQ(result.mask_threshold, 0.625F);
  EXPECT_EQ(result.thresholds,
            (Thresholds{.source = ThresholdSource::kCategory,
                        .revision = "0123456789ab",
                        .mask = 0.625F,
                        .min_region_fraction = 0.001,
                        .lines = {{.rule = DecisionRule::kMapScore, .review = 0.25F, .fail = 0.5F}}}));
}

TEST(ResultsTest, KeepsRegions) {
  const Inspection result = ToInspection(FullReply());

  ASSERT_EQ(result.regions.size(), 1U);
  const Region& region = result.regions[0];
  EXPECT_EQ(region.box, (Box{.x = 1, .y = 2, .width = 3, .height = 4}));
  EXPECT_EQ(region.area_pixels, 12);
  EXPECT_EQ(region.area_fraction, 0.5);
  EXPECT_EQ(region.peak, 0.875F);
  EXPECT_EQ(region.mean, 0.8125F);
  EXPECT_EQ(region.centroid, (Point{.x = 5, .y = 6}));
  EXPECT_THAT(region.contour, ElementsAre(Point{.x = 7, .y = 0}));
  EXPECT_EQ(result.regions_total, 9U);
}

TEST(ResultsTest, KeepsProvenance) {
  EXPECT_EQ(ToInspection(FullReply()).provenance, (Provenance{.result_id = "id",
                                                              .model = "line-a",
                                                              .model_digest = "digest",
                                                              .computation_digest = "computation",
                                                              .model_version = "1+digest",
                                                              .precision = "fp32",
                                                              .kernels = "kernels",
                                                              .device = "cuda:0",
                                                              .server_version = "0.1.0",
                                                              .seed = 18446744073709551615U,
                                                              .samples = 10,
                                                              .picture = {.sha256 = "ab"},
                                                              .ran_alone = true}));
}

TEST(ResultsTest, KeepsWarningsAndTheNumberOfANewerReason) {
  wire::InspectResponse reply = FullReply();
  reply.add_warnings()->set_reason(wire::WARNING_REASON_SHALLOW_SAMPLES);
  reply.mutable_warnings(0)->set_message("dark");
  reply.add_warnings()->set_reason(static_cast<wire::WarningReason>(77));

  const Inspection result = ToInspection(reply);

  EXPECT_THAT(result.warnings, ElementsAre(Warning{.reason = "SHALLOW_SAMPLES", .message = "dark"},
                                           Warning{.reason = "77", .message = ""}));
}

TEST(ResultsTest, WhatIsAbsentStaysAbsent) {
  const Inspection result = ToInspection(wire::InspectResponse());

  EXPECT_EQ(result.decision.verdict, Verdict::kNone);
  EXPECT_EQ(result.decision.rule, std::nullopt);
  EXPECT_EQ(result.mixed_score, std::nullopt);
  EXPECT_EQ(result.regions_total, std::nullopt);
}

TEST(ResultsTest, WordsOfANewerContractAreNeverTakenForOthers) {
  wire::InspectResponse reply = FullReply();
  reply.set_verdict(static_cast<wire::Verdict>(77));
  reply.set_decided_by(static_cast<wire::DecisionRule>(77));
  reply.mutable_thresholds()->set_source(static_cast<wire::ThresholdSource>(77));
  reply.mutable_thresholds()->mutable_lines(0)->set_rule(static_cast<wire::DecisionRule>(77));

  const Inspection result = ToInspection(reply);

  EXPECT_EQ(result.decision.verdict, Verdict::kNone);
  EXPECT_EQ(result.decision.rule, std::nullopt);
  EXPECT_EQ(result.thresholds.source, ThresholdSource::kDefault);
  EXPECT_TRUE(result.thresholds.lines.empty());
}

TEST(ResultsTest, HintsOfAnErrorAreItsReasonAndDelay) {
  wire::FrameError error;
  error.set_code(8);
  error.set_reason(wire::ERROR_REASON_QUEUE_FULL);
  error.mutable_retry_delay()->set_seconds(1);

  const ErrorHints hints = HintsOf(FromFrameError(error));

  EXPECT_EQ(hints.reason, "QUEUE_FULL");
  EXPECT_EQ(hints.retry_delay, absl::Seconds(1));
  EXPECT_EQ(HintsOf(absl::NotFoundError("no file")).reason, "");
}

}  // namespace
}  // namespace bayespfl::client
