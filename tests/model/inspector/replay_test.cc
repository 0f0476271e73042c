#include "model/inspector/replay.h"

#include <sstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/verdict/result_line.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kLog[] = "results.jsonl";

Inspection Result(const std::string& id, float score) {
  Inspection inspection{
      .category = "leather", .object = "leather", .score = score, .frame_width = 8, .frame_height = 8};
  inspection.provenance = {.result_id = id,
                           .model_digest = "0a",
                           .computation_digest = "0c",
                           .model_version = "1+0a",
                           .precision = "fp32",
                           .kernels = "k threads=2",
                           .device = "cpu",
                           .server_version = "1.0",
                           .samples = 1,
                           .picture = {.sha256 = "ab"},
                           .ran_alone = true};
  return inspection;
}

std::string Line(const std::string& id, float score) {
  return absl::StrCat(ResultToJson(Result(id, score)).dump(), "\n");
}

absl::StatusOr<Inspection> Read(const std::string& log, const std::string& id = "") {
  std::istringstream stream(log);
  return ReadRecordedResult(stream, kLog, id);
}

TEST(ReadRecordedResultTest, TheOnlyLineNeedsNoId) {
  const auto result = Read(absl::StrCat("\n", Line("id-1", 0.25F), "\n"));
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->score, 0.25F);
}

TEST(ReadRecordedResultTest, AnIdPicksItsLineAmongDamagedOnes) {
  const std::string damaged = Line("id-2", 0.5F).substr(0, 40);
  const auto result = Read(
      absl::StrCat(damaged, "\n\"id-2\"\n{\"frame_id\": \"id-2\"}\n", Line("id-1", 0.25F), Line("id-2", 0.5F)), "id-2");
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->score, 0.5F);
}

TEST(ReadRecordedResultTest, AnIdThatNoLineHasIsNotFound) {
  const absl::Status status = Read(Line("id-1", 0.25F), "id-3").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr(kLog), HasSubstr("id-3")));
}

TEST(ReadRecordedResultTest, SeveralLinesNeedAnId) {
  const absl::Status status = Read(Line("id-1", 0.25F) + Line("id-2", 0.5F)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("result id"));
}

TEST(ReadRecordedResultTest, AnEmptyFileIsNotFound) {
  EXPECT_EQ(Read("\n \n").status().code(), absl::StatusCode::kNotFound);
}

TEST(ReadRecordedResultTest, ADamagedLineIsNamedWithItsFile) {
  const absl::Status status = Read(Line("id-1", 0.25F).substr(0, 60)).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr(kLog));
}

TEST(PictureComplaintTest, IsMadeOfAnotherPictureOnly) {
  EXPECT_EQ(PictureComplaint({.sha256 = "ab"}, "ab"), "");
  EXPECT_THAT(PictureComplaint({.sha256 = "ab"}, "cd"), AllOf(HasSubstr("ab"), HasSubstr("cd")));
}

TEST(ReplayTextTest, SaysOneLineOfEqualResults) {
  const Inspection result = Result("id-1", 0.25F);
  EXPECT_EQ(ReplayText(result, Compare(result, result)), "id-1: equal to the bit\n");
}

TEST(ReplayTextTest, SaysNumbersAndConditionsThatDiffer) {
  Inspection now = Result("id-9", 0.75F);
  now.provenance.kernels = "k threads=1";
  const Inspection recorded = Result("id-1", 0.25F);
  const Comparison comparison = Compare(recorded, now);
  EXPECT_EQ(ReplayText(recorded, comparison),
            "id-1: different\n"
            "  score 0.25 -> 0.75\n"
            "  not as it was: kernels k threads=2 -> k threads=1\n");
  EXPECT_EQ(ReplayExitOf(comparison.agreement), kReplayDiffers);
}

TEST(ReplayTextTest, WithinTheToleranceIsAgreement) {
  const Inspection recorded = Result("id-1", 0.25F);
  const Comparison comparison = Compare(recorded, Result("id-9", 0.250005F));
  EXPECT_THAT(ReplayText(recorded, comparison), HasSubstr("within the documented tolerance"));
  EXPECT_EQ(ReplayExitOf(comparison.agreement), kReplayAgrees);
}

TEST(ReplayTextTest, SendsNothingOfALineToTheTerminal) {
  Inspection recorded = Result("\x1b[2J", 0.25F);
  recorded.object = "\x1b[31m";
  EXPECT_THAT(ReplayText(recorded, Compare(recorded, Result("id", 0.5F))), Not(HasSubstr("\x1b")));
}

}  // namespace
}  // namespace bayespfl
