#include "model/verdict/result_line.h"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

Inspection FullInspection() {
  Inspection inspection;
  inspection.category = "PCB-4711 \"C\"";
  inspection.object = "printed circuit board";
  inspection.decision = {.verdict = Verdict::kReview, .rule = DecisionRule::kMapScore};
  inspection.thresholds.source = ThresholdSource::kCategory;
  inspection.thresholds.revision = "0123456789ab";
  inspection.thresholds.mask = 0.1F;
  inspection.thresholds.min_region_fraction = 0.1;
  inspection.thresholds.lines = {{.rule = DecisionRule::kScore, .review = 0.2F, .fail = 0.3F},
                                 {.rule = DecisionRule::kRegionArea, .review = 0.0F, .fail = 0.0F}};
  inspection.mask_threshold = 0.7F;
  inspection.score = std::nextafter(0.1F, 1.0F);
  inspection.score_std = 1e-5F;
  inspection.map_score = 0.3F;
  inspection.mixed_score = -1.5F;
  inspection.mask_area_fraction = 1.0 / 3;
  inspection.largest_region_fraction = std::nextafter(0.1, 1.0);
  inspection.frame_width = 4096;
  inspection.frame_height = 1;
  inspection.provenance = {.result_id = "017f22e2-79b0-7000-98c4-dc0c0c07398f",
                           .model = "line-3",
                           .model_digest = std::string(64, 'a'),
                           .computation_digest = std::string(64, 'c'),
                           .model_version = "1.0.0+aaaaaaaaaaaa",
                           .precision = "fp32",
                           .kernels = "libtorch 2.11.0 AVX512 threads=2",
                           .device = "cuda:0",
                           .server_version = "0.1.0",
                           .seed = std::numeric_limits<uint64_t>::max(),
                           .samples = 10,
                           .picture = {.sha256 = std::string(64, 'b'),
                                       .raw = RawGeometry{.width = 640,
                                                          .height = 480,
                                                          .stride = std::numeric_limits<uint32_t>::max(),
                                                          .pfnc_pixel_format = 0x01080001,
                                                          .max_trailing_bytes = 64},
                                       .significant_bits = 12,
                                       .apply_orientation = true},
                           .ran_alone = true};
  return inspection;
}

Inspection MustParse(const std::string& line) {
  absl::StatusOr<Inspection> inspection = ParseResultLine(line);
  EXPECT_TRUE(inspection.ok()) << inspection.status();
  return inspection.value_or(Inspection());
}

void ExpectRefused(const Json& line, const std::string& part) {
  const absl::Status status = ParseResultLine(line.dump()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << part;
  EXPECT_THAT(std::string(status.message()), HasSubstr(part));
}

TEST(ResultLineTest, EveryValueComesBack) {
  const Inspection written = FullInspection();
  const Inspection read = MustParse(ResultToJson(written).dump());
  EXPECT_EQ(read.category, written.category);
  EXPECT_EQ(read.object, written.object);
  EXPECT_EQ(read.decision.verdict, written.decision.verdict);
  EXPECT_EQ(read.decision.rule, written.decision.rule);
  EXPECT_EQ(read.thresholds, written.thresholds);
  EXPECT_EQ(read.mask_threshold, written.mask_threshold);
  EXPECT_EQ(read.score, written.score);
  EXPECT_EQ(read.score_std, written.score_std);
  EXPECT_EQ(read.map_score, written.map_score);
  EXPECT_EQ(read.mixed_score, written.mixed_score);
  EXPECT_EQ(read.mask_area_fraction, written.mask_area_fraction);
  EXPECT_EQ(read.largest_region_fraction, written.largest_region_fraction);
  EXPECT_EQ(read.frame_width, written.frame_width);
  EXPECT_EQ(read.frame_height, written.frame_height);
  EXPECT_EQ(read.provenance, written.provenance);
}

TEST(ResultLineTest, LinesFromBeforePicturesWereTurnedAreRead) {
  Json line = ResultToJson(FullInspection());
  line["provenance"]["picture"].erase("apply_orientation");

  EXPECT_FALSE(MustParse(line.dump()).provenance.picture.apply_orientation);
}

TEST(ResultLineTest, FloatsComeBackToTheBit) {
  using Limits = std::numeric_limits<float>;
  for (const float score : {0.0F, Limits::denorm_min(), Limits::min(), 0.1F, 1.0F / 3, 0.99999994F, 1.0F}) {
    Inspection inspection = FullInspection();
    inspection.score = score;
    inspection.mixed_score = score == 1.0F ? 1e8F : -score;
    const Inspection read = MustParse(ResultToJson(inspection).dump());
    EXPECT_EQ(read.score, score);
    EXPECT_EQ(read.mixed_score, inspection.mixed_score);
  }
}

TEST(ResultLineTest, NumbersHaveNoMoreDigitsThanTheyNeed) {
  EXPECT_THAT(ResultToJson(FullInspection()).dump(), HasSubstr("\"mask_threshold\":0.7,"));
}

TEST(ResultLineTest, WhatIsAbsentIsNullAndComesBackAbsent) {
  Inspection written = FullInspection();
  written.mixed_score.reset();
  written.decision = {};
  written.thresholds = {};
  written.provenance.model.clear();
  written.provenance.picture.raw.reset();
  const Json json = ResultToJson(written);
  for (const char* key : {"mixed_score", "decided_by"}) EXPECT_TRUE(json[key].is_null()) << key;
  EXPECT_EQ(json["verdict"], "NONE");
  EXPECT_TRUE(json["thresholds"]["revision"].is_null());
  EXPECT_TRUE(json["provenance"]["model"].is_null());
  EXPECT_TRUE(json["provenance"]["picture"]["raw"].is_null());

  const Inspection read = MustParse(json.dump());
  EXPECT_FALSE(read.mixed_score.has_value());
  EXPECT_EQ(read.decision.verdict, Verdict::kNone);
  EXPECT_FALSE(read.decision.rule.has_value());
  EXPECT_EQ(read.thresholds, Thresholds());
  EXPECT_EQ(read.provenance, written.provenance);
}

TEST(ResultLineTest, WarningsHaveTheirReasonAndTheirMessage) {
  Inspection inspection = FullInspection();
  EXPECT_EQ(ResultToJson(inspection)["warnings"], Json::array());
  inspection.warnings = {{.reason = kShallowSamples, .message = "dark"}};
  EXPECT_EQ(ResultToJson(inspection)["warnings"].dump(), R"([{"reason":"SHALLOW_SAMPLES","message":"dark"}])");
}

TEST(ResultLineTest, ARawPictureOfAnOlderLineHadNothingBehindItsPixels) {
  Json line = ResultToJson(FullInspection());
  line["provenance"]["picture"]["raw"].erase("max_trailing_bytes");
  EXPECT_EQ(MustParse(line.dump()).provenance.picture.raw->max_trailing_bytes, 0U);
}

TEST(ResultLineTest, AMissingKeyIsNamed) {
  const Json whole = ResultToJson(FullInspection());
  for (const auto& [key, value] : whole.items()) {
    Json line = whole;
    line.erase(key);
    // What may be null may be left out, and warnings, which nothing is computed from.
    if (key == "mixed_score" || key == "decided_by" || key == "warnings") {
      EXPECT_TRUE(ParseResultLine(line.dump()).ok()) << key;
    } else {
      ExpectRefused(line, "\"" + key + "\" is missing");
    }
  }
  Json line = whole;
  line["provenance"]["picture"].erase("sha256");
  ExpectRefused(line, "\"provenance.picture.sha256\" is missing");
}

TEST(ResultLineTest, AValueThatCannotBeIsNamed) {
  const std::vector<std::pair<std::string, Json>> bad = {
      {"score", 1.5},     {"verdict", "pass"},  {"decided_by", "mood"}, {"mask_area_fraction", -1},
      {"frame_width", 0}, {"map_score", "hot"}, {"category", ""}};
  for (const auto& [key, value] : bad) {
    Json line = ResultToJson(FullInspection());
    line[key] = value;
    ExpectRefused(line, "\"" + key + "\" ");
  }
  Json line = ResultToJson(FullInspection());
  line["thresholds"]["lines"]["score"]["review"] = 0.9;  // above fail
  ExpectRefused(line, "\"thresholds.lines.score.review\" must be a number in 0..0.3");
}

TEST(ResultLineTest, OtherKeysAreNotLookedAt) {
  Json line = ResultToJson(FullInspection());
  line["time"] = "2026-01-01T00:00:00Z";
  line["code"] = "OK";
  EXPECT_TRUE(ParseResultLine(line.dump()).ok());
}

TEST(ResultLineTest, ALineWithoutAResultIsRefusedWithItsCode) {
  Json line = NoResultToJson();
  line["code"] = "RESOURCE_EXHAUSTED";
  ExpectRefused(line, "the frame had no result; its code was RESOURCE_EXHAUSTED");
}

TEST(ResultLineTest, AFrameWithoutAResultHasTheSameKeysAllNull) {
  const Json nothing = NoResultToJson();
  std::vector<std::string> keys;
  for (const auto& [key, value] : nothing.items()) {
    keys.push_back(key);
    EXPECT_TRUE(value.is_null()) << key;
  }
  std::vector<std::string> expected;
  const Json whole = ResultToJson(FullInspection());
  for (const auto& [key, value] : whole.items()) expected.push_back(key);
  EXPECT_EQ(keys, expected);
}

TEST(ResultLineTest, TextThatIsNoObjectIsRefused) {
  for (const char* text : {"", "[]", "{", "null"}) {
    EXPECT_EQ(ParseResultLine(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST(RegionsToJsonTest, HoldsEveryNumberOfARegion) {
  Region region;
  region.box = {.x = 1, .y = 2.5F, .width = 3, .height = 4};
  region.area_fraction = 0.25;
  region.area_pixels = 12;
  region.peak = 0.9F;
  region.mean = 0.7F;
  region.centroid = {2.1F, 3};
  region.contour = {{1, 2.5F}, {4, 2.5F}, {4, 6.5F}};
  EXPECT_EQ(RegionsToJson({region}).dump(),
            R"([{"box":[1.0,2.5,3.0,4.0],"area_pixels":12.0,"area_fraction":0.25,"peak":0.9,"mean":0.7,)"
            R"("centroid":[2.1,3.0],"contour":[[1.0,2.5],[4.0,2.5],[4.0,6.5]]}])");
  EXPECT_EQ(RegionsToJson({}).dump(), "[]");
}

TEST(TimingsToJsonTest, KeepsTheOrderOfAFramesWay) {
  EXPECT_EQ(TimingsToJson({{"queue", 0.5}, {"decode", 0.25}}).dump(), R"({"queue":0.5,"decode":0.25})");
}

}  // namespace
}  // namespace bayespfl
