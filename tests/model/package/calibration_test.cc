#include "model/package/calibration.h"

#include <cmath>
#include <functional>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

constexpr char kEntry[] = R"({
  "object": "leather", "seed": 18446744073709551615, "samples": 10, "mask_threshold": 0.5, "min_region_fraction": 0.001,
  "lines": {"score": {"review": 0.25, "fail": 0.5}, "region_area": {"review": 0.0, "fail": 0.01}},
  "ranges": {"score": {"low": 0.1, "high": 0.3}, "map_score": {"low": 0.2, "high": 0.2}},
  "provenance": {"good_pictures": 99, "pictures_digest": "", "pixel_percentile": 99.9, "pixels": 4967424,
    "fail_rate": 0.01, "review_rate": 0.05}})";

json Document() {
  json entry = json::parse(kEntry);
  entry["provenance"]["pictures_digest"] = std::string(64, 'a');
  return {{"schema_version", 2}, {"computation_digest", std::string(64, '0')}, {"categories", {{"leather", entry}}}};
}

void ExpectRefused(const std::string& text, const std::string& part) {
  const absl::StatusOr<Calibration> parsed = ParseCalibration(text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 200);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(part));
}

// The refusal of a document whose entry was changed.
void ExpectEntryRefused(const std::function<void(json&)>& change, const std::string& part) {
  json document = Document();
  change(document["categories"]["leather"]);
  ExpectRefused(document.dump(), part);
}

CategoryCalibration Leather() { return ParseCalibration(Document().dump())->categories.at("leather"); }

TEST(CalibrationTest, SignificantBitsComeBackWhereTheyWereSaid) {
  Calibration calibration = *ParseCalibration(Document().dump());
  EXPECT_EQ(CalibrationText(calibration).find("significant_bits"), std::string::npos);
  calibration.categories.at("leather").provenance.significant_bits = 12;

  const absl::StatusOr<Calibration> read = ParseCalibration(CalibrationText(calibration));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->categories.at("leather").provenance.significant_bits, 12);
  ExpectEntryRefused([](json& entry) { entry["provenance"]["significant_bits"] = 8; },
                     "\"categories.leather.provenance.significant_bits\" must be");
}

TEST(CalibrationTest, WhetherPicturesWereTurnedUprightComesBackAndReachesTheTable) {
  Calibration calibration = *ParseCalibration(Document().dump());
  EXPECT_EQ(CalibrationText(calibration).find("apply_orientation"), std::string::npos);
  const std::string revision = Leather().defaults.thresholds.revision;
  calibration.categories.at("leather").provenance.apply_orientation = true;

  const absl::StatusOr<Calibration> read = ParseCalibration(CalibrationText(calibration));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_TRUE(read->categories.at("leather").provenance.apply_orientation);
  EXPECT_NE(read->categories.at("leather").defaults.thresholds.revision, revision);
  EXPECT_EQ(MakeCategoryTable({}, read->categories).Resolve({.category = "leather"}).apply_orientation, true);
  EXPECT_EQ(MakeCategoryTable({}, {{"leather", Leather()}}).Resolve({.category = "leather"}).apply_orientation, false);
  EXPECT_EQ(MakeCategoryTable({}, read->categories).Resolve({.category = "wood"}).apply_orientation, std::nullopt);
  ExpectEntryRefused([](json& entry) { entry["provenance"]["apply_orientation"] = 1; },
                     "\"categories.leather.provenance.apply_orientation\"");
}

TEST(CalibrationTest, ThePrecisionComesBackAndFp32IsSaidByNoWord) {
  Calibration calibration = *ParseCalibration(Document().dump());
  EXPECT_EQ(calibration.precision, Precision::kFp32);
  EXPECT_EQ(CalibrationText(calibration).find("precision"), std::string::npos) << "as files have been so far";
  calibration.precision = Precision::kInt8;

  const absl::StatusOr<Calibration> read = ParseCalibration(CalibrationText(calibration));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->precision, Precision::kInt8);
  json document = Document();
  document["precision"] = "fp8";
  ExpectRefused(document.dump(), "calibration: \"precision\" must be \"fp32\", \"bf16\", \"fp16\" or \"int8\"");
}

TEST(CalibrationTest, ReadsEveryKey) {
  json document = Document();
  document["categories"]["leather"]["provenance"]["confidence"] = 0.95;

  const absl::StatusOr<Calibration> parsed = ParseCalibration(document.dump());

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->computation_digest, std::string(64, '0'));
  const CategoryDefaults& leather = parsed->categories.at("leather").defaults;
  EXPECT_EQ(leather.object, "leather");
  EXPECT_EQ(leather.seed, std::numeric_limits<uint64_t>::max());
  EXPECT_EQ(leather.samples, 10);
  EXPECT_EQ(leather.thresholds.source, ThresholdSource::kCategory);
  EXPECT_EQ(leather.thresholds.mask, 0.5F);
  EXPECT_EQ(leather.thresholds.min_region_fraction, 0.001);
  EXPECT_THAT(leather.thresholds.lines,
              ElementsAre(DecisionLine{.rule = DecisionRule::kScore, .review = 0.25F, .fail = 0.5F},
                          DecisionLine{.rule = DecisionRule::kRegionArea, .review = 0, .fail = 0.01F}));
  EXPECT_EQ(leather.ranges, (ScoreRanges{.score = {0.1F, 0.3F}, .map_score = {0.2F, 0.2F}}));
  const CalibrationProvenance& provenance = parsed->categories.at("leather").provenance;
  EXPECT_EQ(provenance.good_pictures, 99);
  EXPECT_EQ(provenance.pictures_digest, std::string(64, 'a'));
  EXPECT_EQ(provenance.pixel_percentile, 99.9);
  EXPECT_EQ(provenance.pixels, 4967424);
  EXPECT_EQ(provenance.fail_rate, 0.01);
  EXPECT_EQ(provenance.review_rate, 0.05);
  EXPECT_EQ(provenance.confidence, 0.95);
}

TEST(CalibrationTest, RangesAndConfidenceMayBeAbsent) {
  json document = Document();
  document["categories"]["leather"].erase("ranges");
  const absl::StatusOr<Calibration> parsed = ParseCalibration(document.dump());
  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_FALSE(parsed->categories.at("leather").defaults.ranges.has_value());
  EXPECT_FALSE(parsed->categories.at("leather").provenance.confidence.has_value());
}

TEST(CalibrationTest, WritesBytesThatReadBackToTheSameBytesAndFloats) {
  Calibration calibration = *ParseCalibration(Document().dump());
  calibration.categories["caf\xC3\xA9 \"cup\""] = calibration.categories["leather"];
  Thresholds& thresholds = calibration.categories["leather"].defaults.thresholds;
  thresholds.mask = std::nextafter(0.1F, 1.0F);
  thresholds.lines[0] = {.rule = DecisionRule::kScore, .review = 0.1F, .fail = std::nextafter(0.1F, 1.0F)};
  Revise(calibration.categories["leather"]);
  const std::string text = CalibrationText(calibration);

  const absl::StatusOr<Calibration> parsed = ParseCalibration(text);

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->categories.at("leather").defaults.thresholds, thresholds);
  EXPECT_EQ(CalibrationText(*parsed), text);
}

// The float 0.1 lies above the decimal that stands for it.
TEST(CalibrationTest, LinesAndRangesWhoseEndsAreEqualCanBeRead) {
  Calibration calibration = *ParseCalibration(Document().dump());
  CategoryDefaults& leather = calibration.categories["leather"].defaults;
  leather.ranges = ScoreRanges{.score = {0.1F, 0.1F}, .map_score = {0.7F, 0.7F}};
  leather.thresholds.lines = {{.rule = DecisionRule::kMapScore, .review = 0.1F, .fail = 0.1F}};

  const absl::StatusOr<Calibration> parsed = ParseCalibration(CalibrationText(calibration));

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->categories.at("leather").defaults.ranges, leather.ranges);
}

TEST(CalibrationTest, TheRevisionChangesWithEachThresholdAndEachDefault) {
  const std::string first = Leather().defaults.thresholds.revision;
  EXPECT_THAT(first, MatchesRegex("[0-9a-f]{12}"));
  EXPECT_EQ(Leather().defaults.thresholds.revision, first);
  const std::vector<std::function<void(CategoryDefaults&)>> changes = {
      [](CategoryDefaults& leather) { leather.thresholds.lines[0].review = 0.26F; },
      [](CategoryDefaults& leather) { leather.thresholds.lines[1].fail = 0.02F; },
      [](CategoryDefaults& leather) { leather.thresholds.lines.pop_back(); },
      [](CategoryDefaults& leather) { leather.thresholds.mask = std::nextafter(0.5F, 1.0F); },
      [](CategoryDefaults& leather) { leather.thresholds.min_region_fraction = 0.002; },
      [](CategoryDefaults& leather) { leather.seed = 1; },
      [](CategoryDefaults& leather) { leather.samples = 11; },
      [](CategoryDefaults& leather) { leather.object = "hide"; }};
  std::set<std::string> revisions = {first};
  for (const auto& change : changes) {
    CategoryCalibration changed = Leather();
    change(changed.defaults);
    Revise(changed);
    revisions.insert(changed.defaults.thresholds.revision);
  }
  EXPECT_EQ(revisions.size(), 1 + changes.size());
}

TEST(CalibrationTest, TheTableHasTheEntriesDefaultsAndTheFallback) {
  Thresholds fallback;
  fallback.mask = 0.75F;
  const CategoryTable table = MakeCategoryTable(fallback, ParseCalibration(Document().dump())->categories);
  EXPECT_EQ(table.fallback(), fallback);
  EXPECT_EQ(table.Resolve({.category = "leather"}).thresholds, Leather().defaults.thresholds);
}

TEST(CalibrationTest, RefusesUnknownMissingAndRepeatedKeys) {
  ExpectEntryRefused([](json& entry) { entry["threshold"] = 1; },
                     "\"categories.leather.threshold\" is not a known key");
  ExpectEntryRefused([](json& entry) { entry["provenance"]["note"] = ""; },
                     "\"categories.leather.provenance.note\" is not a known key");
  ExpectEntryRefused([](json& entry) { entry["lines"]["mood"] = json::object(); },
                     "\"categories.leather.lines.mood\" is not a known key");
  ExpectEntryRefused([](json& entry) { entry["lines"]["score"]["pass"] = 0; },
                     "\"categories.leather.lines.score.pass\" is not a known key");
  ExpectEntryRefused([](json& entry) { entry["ranges"]["area"] = json::object(); },
                     "\"categories.leather.ranges.area\" is not a known key");
  const json entries = json::parse(kEntry);
  for (const auto& [key, value] : entries.items()) {
    if (key == "ranges") continue;
    ExpectEntryRefused([name = key](json& entry) { entry.erase(name); },
                       "\"categories.leather." + key + "\" is missing");
  }
  std::string text = Document().dump();
  ExpectRefused(text.insert(1, "\"schema_version\":2,"), "the key \"schema_version\" is repeated");
}

TEST(CalibrationTest, RefusesACategoryWithoutLines) {
  ExpectEntryRefused([](json& entry) { entry["lines"] = json::object(); },
                     "\"categories.leather.lines\" holds no line");
}

TEST(CalibrationTest, RefusesAReviewLineAboveItsFailLine) {
  ExpectEntryRefused([](json& entry) { entry["lines"]["score"]["review"] = 0.51; },
                     "\"categories.leather.lines.score.review\" must be a number in 0..0.5");
}

TEST(CalibrationTest, RefusesAReviewRateBelowTheFailRate) {
  ExpectEntryRefused([](json& entry) { entry["provenance"]["review_rate"] = 0.001; },
                     "\"categories.leather.provenance.review_rate\" must be a number in 0.01..1");
}

TEST(CalibrationTest, RefusesARangeThatEndsBeforeItBegins) {
  ExpectEntryRefused([](json& entry) { entry["ranges"]["score"]["high"] = 0.05; },
                     "\"categories.leather.ranges.score.high\" must be a number in 0.1..1");
}

TEST(CalibrationTest, RefusesNamesThatAreNoKeys) {
  ExpectEntryRefused([](json& entry) { entry["object"] = " leather"; },
                     "\"categories.leather.object\" has white space around it");
  ExpectEntryRefused([](json& entry) { entry["object"] = std::string(257, 'a'); }, "is no name: it has 257 bytes");
  json document = Document();
  document["categories"]["wood "] = document["categories"]["leather"];
  ExpectRefused(document.dump(), "has white space around it");
}

TEST(CalibrationTest, RefusesTheSchemaWithoutVerdictsWithAdvice) {
  json document = Document();
  document["schema_version"] = 1;
  ExpectRefused(document.dump(), "run `bayespfl-model calibrate` again");
}

TEST(CalibrationTest, RefusesDeepNestingInsteadOfRecursing) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  std::string text = Document().dump();
  ExpectRefused(text.insert(1, "\"deep\":" + deep + ","), "nested more than");
}

TEST(CalibrationTest, RefusesValuesOutOfRange) {
  for (const json& bad : {json(-0.1), json(1.1), json("0.5"), json(nullptr), json::array({0.5})}) {
    ExpectEntryRefused([&](json& entry) { entry["mask_threshold"] = bad; },
                       "\"categories.leather.mask_threshold\" must be a number in 0..1");
    ExpectEntryRefused([&](json& entry) { entry["min_region_fraction"] = bad; },
                       "\"categories.leather.min_region_fraction\" must be a number in 0..1");
    ExpectEntryRefused([&](json& entry) { entry["lines"]["score"]["fail"] = bad; },
                       "\"categories.leather.lines.score.fail\" must be a number in 0..1");
    ExpectEntryRefused([&](json& entry) { entry["provenance"]["fail_rate"] = bad; },
                       "\"categories.leather.provenance.fail_rate\" must be a number in 0..1");
    ExpectEntryRefused([&](json& entry) { entry["provenance"]["confidence"] = bad; },
                       "\"categories.leather.provenance.confidence\" must be a number in 0..1");
  }
  ExpectEntryRefused([](json& entry) { entry["provenance"]["good_pictures"] = 0; },
                     "\"categories.leather.provenance.good_pictures\" must be an integer in 1..");
  ExpectEntryRefused([](json& entry) { entry["samples"] = 65; },
                     "\"categories.leather.samples\" must be an integer in 1..64");
  ExpectEntryRefused([](json& entry) { entry["seed"] = -1; }, "seed\" must be an integer from 0 to 2^64 - 1");
  ExpectEntryRefused([](json& entry) { entry["provenance"]["pictures_digest"] = "a"; },
                     "64 lower-case hexadecimal digits");
  json document = Document();
  document["schema_version"] = 3;
  ExpectRefused(document.dump(), "\"schema_version\" must be an integer in 2..2");
  document = Document();
  document["computation_digest"] = std::string(64, 'G');
  ExpectRefused(document.dump(), "64 lower-case hexadecimal digits");
}

TEST(CalibrationTest, RefusesWhatIsNoCalibrationAtAll) {
  ExpectRefused("", "not a JSON object");
  ExpectRefused("[]", "not a JSON object");
  ExpectRefused(Document().dump().substr(0, 300), "not a JSON object");
  ExpectRefused(std::string(1 << 20, '['), "not a JSON object");
  ExpectRefused("{\"categories\": \"\xFF\"}", "not a JSON object");
  ExpectRefused(R"({"schema_version": 1e999})", "not a JSON object");
  json document = Document();
  document["categories"] = json::object();
  ExpectRefused(document.dump(), "\"categories\" holds no category");
  document["categories"] = json::array();
  ExpectRefused(document.dump(), "\"categories\" must be an object");
  document["categories"] = {{"leather", 5}};
  ExpectRefused(document.dump(), "\"categories.leather\" must be an object");
}

}  // namespace
}  // namespace bayespfl
