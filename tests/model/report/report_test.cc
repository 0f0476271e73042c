#include "model/report/report.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "model/verdict/result_line.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PictureLabel Picture(const std::string& name) { return {.name = name, .category = "metal nut"}; }

Inspection Failed() {
  Inspection result;
  result.category = "metal nut";
  result.object = "nut";
  result.decision = {.verdict = Verdict::kFail, .rule = DecisionRule::kRegionArea};
  result.score = 0.93F;
  result.score_std = 0.01F;
  result.map_score = 0.5F;
  result.mask_area_fraction = 0.0246;
  result.frame_width = 640;
  result.frame_height = 480;
  result.provenance = {.result_id = "0190-id",
                       .model_digest = "d",
                       .computation_digest = "c",
                       .model_version = "1+d",
                       .precision = "fp32",
                       .kernels = "plain",
                       .device = "cpu",
                       .server_version = "0.1.0",
                       .seed = 18446744073709551615U,
                       .samples = 10,
                       .picture = {.sha256 = "ab"}};
  result.timings = {{.stage = "decode", .seconds = 0.25}, {.stage = "total", .seconds = 0.5}};
  return result;
}

Inspection WithVerdict(Verdict verdict) {
  Inspection result = Failed();
  result.decision = {.verdict = verdict, .rule = std::nullopt};
  if (verdict == Verdict::kReview) result.decision.rule = DecisionRule::kScore;
  return result;
}

PictureOutcome Good() { return {.result = Failed(), .latency = absl::Milliseconds(42)}; }

PictureOutcome Bad() {
  return {.result = absl::InvalidArgumentError("not a\npicture"), .hints = {.reason = "INVALID_PICTURE"}};
}

TEST(TableTest, AlignsColumnsAndSumsUp) {
  const std::vector<PictureLabel> pictures = {Picture("nut.png"), Picture("a-much-longer-name.png")};
  std::ostringstream stream;
  const auto reporter = MakeTableReporter(stream, pictures);

  reporter->Report(pictures[0], Good());
  reporter->Report(pictures[1], Bad());
  reporter->Report(pictures[0], {.result = WithVerdict(Verdict::kReview), .latency = absl::Milliseconds(1234)});
  reporter->Report(pictures[0], {.result = WithVerdict(Verdict::kPass), .latency = absl::Milliseconds(7)});
  reporter->Report(pictures[0], {.result = WithVerdict(Verdict::kNone), .latency = absl::Milliseconds(7)});
  reporter->ReportUnanswered(pictures[0], absl::UnavailableError("gone"), {});
  reporter->Finish(absl::Seconds(4));

  EXPECT_EQ(
      stream.str(),
      "image                   category   verdict  decided by   score    map      area     latency\n"
      "nut.png                 metal nut  FAIL     region_area  0.930  0.500    2.46 %     42.0 ms\n"
      "a-much-longer-name.png  metal nut  INVALID_ARGUMENT (INVALID_PICTURE): not a picture\n"
      "nut.png                 metal nut  REVIEW   score        0.930  0.500    2.46 %   1234.0 ms\n"
      "nut.png                 metal nut  PASS     -            0.930  0.500    2.46 %      7.0 ms\n"
      "nut.png                 metal nut  none     -            0.930  0.500    2.46 %      7.0 ms\n"
      "\n5 frames, 1 failed, 1 not answered, 1 PASS, 1 REVIEW, 1 FAIL, 1 without a verdict, 1.2 frames/s, 4.0 s\n");
}

TEST(TableTest, TellsAWarningOnceWithHowManyPicturesHaveIt) {
  const std::vector<PictureLabel> pictures = {Picture("nut.png")};
  std::ostringstream stream;
  const auto reporter = MakeTableReporter(stream, pictures);
  Inspection warned = WithVerdict(Verdict::kPass);
  warned.warnings = {{.reason = kShallowSamples, .message = "too\ndark"}};

  for (const bool dark : {true, false, true}) {
    reporter->Report(pictures[0], {.result = dark ? warned : WithVerdict(Verdict::kPass)});
  }
  reporter->Finish(absl::Seconds(1));

  EXPECT_THAT(stream.str(), ::testing::EndsWith(" s\nwarning: 2 of 3 pictures: too dark\n"));
}

TEST(TableTest, FitsAHundredColumnsWithUsualNames) {
  const std::vector<PictureLabel> pictures = {{.name = "pcb1/2026-11-29_0001.png", .category = "PCB-4711 rev C"}};
  std::ostringstream stream;

  MakeTableReporter(stream, pictures)->Report(pictures[0], Good());

  std::istringstream lines(stream.str());
  for (std::string line; std::getline(lines, line);) EXPECT_LE(line.size(), 100U) << line;
}

TEST(TableTest, CutsTheBeginningOfNamesThatWouldPushTheNumbersAway) {
  const std::vector<PictureLabel> pictures = {{.name = std::string(200, 'x') + ".png", .category = "nut"}};
  std::ostringstream stream;

  MakeTableReporter(stream, pictures)->Report(pictures[0], Good());

  EXPECT_THAT(stream.str(), HasSubstr("\n\xE2\x80\xA6" + std::string(35, 'x') + ".png  nut"));
}

TEST(TableTest, SaysNothingWhenNoFrameGotThrough) {
  const std::vector<PictureLabel> pictures = {Picture("nut.png")};
  std::ostringstream stream;
  const auto reporter = MakeTableReporter(stream, pictures);

  reporter->ReportUnanswered(pictures[0], absl::UnavailableError("gone"), {});
  reporter->Finish(absl::Seconds(1));

  EXPECT_EQ(stream.str(), "");
}

TEST(TableTest, PrintsNoEscapeSequences) {
  const std::vector<PictureLabel> pictures = {Picture("\x1b[2J.png")};
  std::ostringstream stream;

  MakeTableReporter(stream, pictures)->Report(pictures[0], Good());

  EXPECT_THAT(stream.str(), Not(HasSubstr("\x1b")));
}

// What a reporter of JSON prints for one picture.
nlohmann::json LineOf(const PictureLabel& picture, const PictureOutcome& outcome) {
  std::ostringstream stream;
  MakeJsonReporter(stream)->Report(picture, outcome);
  return nlohmann::json::parse(stream.str());
}

TEST(JsonTest, PrintsOneObjectPerLineForEveryPicture) {
  std::ostringstream stream;
  const auto reporter = MakeJsonReporter(stream);

  reporter->Report(Picture("nut.png"), Good());
  reporter->Report(Picture("bad.png"), Bad());
  reporter->ReportUnanswered(Picture("late.png"), absl::UnavailableError("gone"), {.reason = "DRAINING"});
  reporter->Finish(absl::Seconds(1));

  std::istringstream lines(stream.str());
  std::vector<std::string> images;
  for (std::string line; std::getline(lines, line);) images.push_back(nlohmann::json::parse(line)["image"]);
  EXPECT_THAT(images, ::testing::ElementsAre("nut.png", "bad.png", "late.png"));
}

TEST(JsonTest, AResultHasTheKeysOfTheResultLogAndWhatTheCallerSaw) {
  const nlohmann::json line =
      LineOf(Picture("nut.png"), {.result = Failed(), .latency = absl::Milliseconds(42), .attempt = 2});

  EXPECT_EQ(line["verdict"], "FAIL");
  EXPECT_EQ(line["decided_by"], "region_area");
  EXPECT_EQ(line["provenance"]["seed"], 18446744073709551615U);
  EXPECT_EQ(line["timings"], nlohmann::json({{"decode", 0.25}, {"total", 0.5}}));
  EXPECT_EQ(line["latency_seconds"], 0.042);
  EXPECT_EQ(line["attempt"], 2);
  const nlohmann::json logged = ResultToJson(Failed());
  for (const auto& [key, value] : logged.items()) EXPECT_EQ(line[key], value) << key;
  EXPECT_FALSE(line.contains("regions"));
  EXPECT_FALSE(line.contains("error"));
}

TEST(JsonTest, AResultsLineCanBeReadBack) {
  const auto read = ParseResultLine(LineOf(Picture("nut.png"), Good()).dump());

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->score, 0.93F);
  EXPECT_EQ(read->provenance, Failed().provenance);
}

TEST(JsonTest, TellsTheRegionsWhenTheyWereAskedFor) {
  Inspection with_regions = Failed();
  with_regions.regions.emplace_back().box = {.x = 1, .y = 2, .width = 3, .height = 4};
  with_regions.regions_total = 7;

  const nlohmann::json line = LineOf(Picture("nut.png"), {.result = with_regions});

  ASSERT_EQ(line["regions"].size(), 1U);
  EXPECT_EQ(line["regions"][0]["box"], nlohmann::json({1.0, 2.0, 3.0, 4.0}));
  EXPECT_EQ(line["regions_total"], 7);
}

TEST(JsonTest, AnErrorHasItsReasonAndWhenToTryAgain) {
  const nlohmann::json full =
      LineOf(Picture("nut.png"), {.result = absl::ResourceExhaustedError("64 frames wait"),
                                  .hints = {.reason = "QUEUE_FULL", .retry_delay = absl::Milliseconds(250)},
                                  .attempt = 1});
  const nlohmann::json bare = LineOf(Picture("nut.png"), {.result = absl::NotFoundError("nut.png: no such file")});

  EXPECT_EQ(full["category"], "metal nut");
  EXPECT_EQ(full["error"], nlohmann::json({{"code", "RESOURCE_EXHAUSTED"},
                                           {"reason", "QUEUE_FULL"},
                                           {"message", "64 frames wait"},
                                           {"retry_delay_seconds", 0.25}}));
  EXPECT_EQ(full["attempt"], 1);
  EXPECT_FALSE(full.contains("score"));
  EXPECT_TRUE(bare["error"]["reason"].is_null());
  EXPECT_TRUE(bare["error"]["retry_delay_seconds"].is_null());
}

TEST(JsonTest, SurvivesFileNamesThatAreNotUtf8) {
  EXPECT_EQ(LineOf(Picture("\xFF.png"), Good())["image"], "\xEF\xBF\xBD.png");
}

}  // namespace
}  // namespace bayespfl
