#include "client/cpp/report.h"

#include <sstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace bayespfl::client {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

Input Picture(const std::string& name) { return {.name = name, .path = name, .bytes = {}, .category = "metal nut"}; }

Outcome Good() {
  inspection::v1::InspectResponse response;
  response.set_score(0.93F);
  response.set_score_std(0.01F);
  response.set_map_score(0.5F);
  response.set_mask_area_pixels(1234);
  response.set_mask_area_fraction(0.0246);
  response.set_seed(18446744073709551615U);
  response.set_model_version("v1");
  response.mutable_seconds()->set_vision(0.25);
  return {.result = response, .latency = absl::Milliseconds(42)};
}

Outcome Bad() { return {.result = absl::InvalidArgumentError("not a\npicture"), .latency = absl::ZeroDuration()}; }

TEST(TableTest, AlignsColumnsAndSumsUp) {
  const std::vector<Input> inputs = {Picture("nut.png"), Picture("a-much-longer-name.png")};
  std::ostringstream stream;
  const auto reporter = MakeTableReporter(stream, inputs);

  reporter->Report(inputs[0], Good());
  reporter->Report(inputs[1], Bad());
  RunSummary summary;
  summary.answered = 1;
  summary.failed = 1;
  summary.elapsed = absl::Seconds(4);
  reporter->Finish(summary);

  EXPECT_EQ(stream.str(),
            "image                   category   score  map score     latency     mask area      part\n"
            "nut.png                 metal nut  0.930      0.500     42.0 ms       1234 px    2.46 %\n"
            "a-much-longer-name.png  metal nut  INVALID_ARGUMENT: not a picture\n"
            "\n2 frames, 1 failed, 0.5 frames/s, 4.0 s\n");
}

TEST(TableTest, SaysNothingWhenNoFrameGotThrough) {
  const std::vector<Input> inputs = {Picture("nut.png")};
  std::ostringstream stream;
  const auto reporter = MakeTableReporter(stream, inputs);
  RunSummary summary;
  summary.unanswered = 1;
  summary.broken = absl::UnavailableError("gone");

  reporter->ReportUnanswered(inputs[0], summary.broken);
  reporter->Finish(summary);

  EXPECT_EQ(stream.str(), "");
}

TEST(TableTest, PrintsNoEscapeSequences) {
  const std::vector<Input> inputs = {Picture("\x1b[2J.png")};
  std::ostringstream stream;

  MakeTableReporter(stream, inputs)->Report(inputs[0], Good());

  EXPECT_THAT(stream.str(), Not(HasSubstr("\x1b")));
}

TEST(JsonTest, PrintsOneObjectPerLine) {
  std::ostringstream stream;
  const auto reporter = MakeJsonReporter(stream);

  reporter->Report(Picture("nut.png"), Good());
  reporter->Report(Picture("bad.png"), Bad());
  reporter->ReportUnanswered(Picture("late.png"), absl::UnavailableError("gone"));
  reporter->Finish({});

  std::istringstream lines(stream.str());
  std::string line;
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_THAT(line, HasSubstr("\"score\":0.93,"));
  const auto good = nlohmann::json::parse(line);
  EXPECT_EQ(good["image"], "nut.png");
  EXPECT_EQ(good["category"], "metal nut");
  EXPECT_EQ(good["seed"], 18446744073709551615U);
  EXPECT_EQ(good["mask_area_pixels"], 1234);
  EXPECT_EQ(good["mask_area_fraction"], 0.0246);
  EXPECT_EQ(good["latency_seconds"], 0.042);
  EXPECT_EQ(good["stage_seconds"]["vision"], 0.25);
  EXPECT_TRUE(good["score_threshold"].is_null());
  for (const char* key : {"score_std", "text_score", "map_score", "model_version"}) EXPECT_TRUE(good.contains(key));
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["error"],
            nlohmann::json({{"code", "INVALID_ARGUMENT"}, {"message", "not a\npicture"}}));
  ASSERT_TRUE(std::getline(lines, line));
  EXPECT_EQ(nlohmann::json::parse(line)["error"]["code"], "UNAVAILABLE");
  EXPECT_FALSE(std::getline(lines, line));
}

TEST(JsonTest, CarriesTheCategorysScoreThreshold) {
  Outcome outcome = Good();
  outcome.result->set_score_threshold(0.4324017F);
  outcome.result->set_calibrated(true);
  std::ostringstream stream;

  MakeJsonReporter(stream)->Report(Picture("nut.png"), outcome);

  EXPECT_EQ(nlohmann::json::parse(stream.str())["score_threshold"], 0.4324017);
  EXPECT_EQ(nlohmann::json::parse(stream.str())["calibrated"], true);
}

TEST(JsonTest, SurvivesFileNamesThatAreNotUtf8) {
  std::ostringstream stream;

  MakeJsonReporter(stream)->Report(Picture("\xFF.png"), Good());

  EXPECT_EQ(nlohmann::json::parse(stream.str())["image"], "\xEF\xBF\xBD.png");
}

}  // namespace
}  // namespace bayespfl::client
