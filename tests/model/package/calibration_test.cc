#include "model/package/calibration.h"

#include <cmath>
#include <limits>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

constexpr char kEntry[] = R"({
  "mask_threshold": 0.5, "score_threshold": 0.25,
  "provenance": {"good_pictures": 99, "pictures_digest": "", "pixel_percentile": 99.9, "pixels": 4967424,
    "reject_rate": 0.01, "score_rank": 99, "highest_good_score": 0.25, "samples": 10, "seed": 18446744073709551615,
    "fixed_seed": false}})";

json Document() {
  json entry = json::parse(kEntry);
  entry["provenance"]["pictures_digest"] = std::string(64, 'a');
  return {{"schema_version", 1}, {"computation_digest", std::string(64, '0')}, {"categories", {{"leather", entry}}}};
}

void ExpectRefused(const std::string& text, const std::string& part) {
  const absl::StatusOr<Calibration> parsed = ParseCalibration(text);
  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kInvalidArgument) << text.substr(0, 200);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr(part));
}

TEST(CalibrationTest, ReadsEveryKey) {
  json document = Document();
  document["categories"]["leather"]["provenance"]["confidence"] = 0.95;

  const absl::StatusOr<Calibration> parsed = ParseCalibration(document.dump());

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  const CategoryCalibration& leather = parsed->categories.at("leather");
  EXPECT_EQ(leather.mask_threshold, 0.5F);
  EXPECT_EQ(leather.score_threshold, 0.25F);
  EXPECT_EQ(leather.provenance.good_pictures, 99);
  EXPECT_EQ(leather.provenance.confidence, 0.95);
  EXPECT_EQ(leather.provenance.seed, std::numeric_limits<uint64_t>::max());
}

TEST(CalibrationTest, WritesBytesThatReadBackToTheSameBytesAndFloats) {
  Calibration calibration = *ParseCalibration(Document().dump());
  const float threshold = std::nextafter(0.1F, 1.0F);
  calibration.categories["caf\xC3\xA9 \"cup\""] = calibration.categories["leather"];
  calibration.categories["leather"].mask_threshold = threshold;
  const std::string text = CalibrationText(calibration);

  const absl::StatusOr<Calibration> parsed = ParseCalibration(text);

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->categories.at("leather").mask_threshold, threshold);
  EXPECT_EQ(CalibrationText(*parsed), text);
}

TEST(CalibrationTest, RefusesUnknownMissingAndRepeatedKeys) {
  json document = Document();
  document["categories"]["leather"]["threshold"] = 1;
  ExpectRefused(document.dump(), "\"categories.leather.threshold\" is not a known key");
  document = Document();
  document["categories"]["leather"]["provenance"]["note"] = "";
  ExpectRefused(document.dump(), "\"categories.leather.provenance.note\" is not a known key");
  document = Document();
  document["categories"]["leather"].erase("score_threshold");
  ExpectRefused(document.dump(), "\"categories.leather.score_threshold\" is missing");
  std::string text = Document().dump();
  ExpectRefused(text.insert(1, "\"schema_version\":1,"), "the key \"schema_version\" is repeated");
}

TEST(CalibrationTest, RefusesDeepNestingInsteadOfRecursing) {
  const std::string deep = std::string(1'000'000, '[') + std::string(1'000'000, ']');
  std::string text = Document().dump();
  ExpectRefused(text.insert(1, "\"deep\":" + deep + ","), "nested more than");
}

TEST(CalibrationTest, RefusesValuesOutOfRange) {
  for (const json& bad : {json(-0.1), json(1.1), json("0.5"), json(nullptr), json::array({0.5})}) {
    json document = Document();
    document["categories"]["leather"]["mask_threshold"] = bad;
    ExpectRefused(document.dump(), "\"categories.leather.mask_threshold\" must be a number in 0..1");
    document = Document();
    document["categories"]["leather"]["score_threshold"] = bad;
    ExpectRefused(document.dump(), "\"categories.leather.score_threshold\" must be a number in 0..1");
  }
  json document = Document();
  document["categories"]["leather"]["provenance"]["score_rank"] = 100;
  ExpectRefused(document.dump(), "must be an integer in 1..99");
  document = Document();
  document["categories"]["leather"]["provenance"]["seed"] = -1;
  ExpectRefused(document.dump(), "seed\" must be an integer from 0 to 2^64 - 1");
  document = Document();
  document["schema_version"] = 2;
  ExpectRefused(document.dump(), "\"schema_version\" must be an integer in 1..1");
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
