#include "client/cpp/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>
#include <string>

namespace bayespfl::client {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<std::string> Find(const std::string& log, const std::string& id = {}) {
  std::istringstream stream(log);
  return FindResultLine(stream, id, "results.jsonl");
}

Inspection Recorded() {
  Inspection recorded;
  recorded.category = "MN-17";
  recorded.object = "metal nut";
  recorded.mask_threshold = 0.625F;
  recorded.provenance = {.result_id = "id-1", .model = "line-a", .seed = 7, .samples = 5, .picture = {.sha256 = "ab"}};
  return recorded;
}

TEST(FindResultLineTest, TakesTheOnlyLine) {
  EXPECT_EQ(Find("{\"a\":1}\n").value(), "{\"a\":1}");
  EXPECT_EQ(Find("\n  \n{\"a\":1}").value(), "{\"a\":1}");
}

TEST(FindResultLineTest, PicksTheLineOfAnIdAmongMany) {
  const std::string log =
      "no json id-2\n"
      "{\"result_id\":\"id-1\",\"note\":\"id-2\"}\n"
      "{\"result_id\":\"id-2\"}\n"
      "{\"result_id\":\"id-22\"}\n";

  EXPECT_EQ(Find(log, "id-2").value(), "{\"result_id\":\"id-2\"}");
}

TEST(FindResultLineTest, SaysWhatIsMissing) {
  EXPECT_EQ(Find("").status(), absl::InvalidArgumentError("results.jsonl holds no line"));
  EXPECT_EQ(Find("{}\n{}\n").status(),
            absl::InvalidArgumentError("results.jsonl holds several lines; --result-id says which is meant"));
  EXPECT_EQ(Find("{}\n", "id-7").status(), absl::NotFoundError("results.jsonl holds no result with the id id-7"));
  EXPECT_THAT(std::string(Find(std::string(2 << 20, 'x')).status().message()), HasSubstr("which is no result"));
}

TEST(ReplayRequestTest, AsksForEverythingTheResultDependsOn) {
  const inspection::v1::InspectRequest request = ReplayRequest(Recorded(), "bytes");

  EXPECT_EQ(request.image().encoded(), "bytes");
  EXPECT_EQ(request.options().category(), "MN-17");
  EXPECT_EQ(request.options().object(), "metal nut");
  EXPECT_EQ(request.options().model(), "line-a");
  EXPECT_EQ(request.options().seed(), 7U);
  EXPECT_EQ(request.options().samples(), 5U);
  EXPECT_EQ(request.options().mask_threshold(), 0.625F);
}

TEST(ReplayRequestTest, GivesARawPictureItsGeometryBack) {
  Inspection recorded = Recorded();
  recorded.provenance.picture.raw = {
      .width = 4, .height = 3, .stride = 8, .pfnc_pixel_format = 0x01100007, .max_trailing_bytes = 5};
  recorded.provenance.picture.significant_bits = 12;

  const inspection::v1::Image image = ReplayRequest(recorded, "bytes").image();

  EXPECT_EQ(image.significant_bits(), 12U);
  EXPECT_EQ(image.raw().data(), "bytes");
  EXPECT_EQ(image.raw().width(), 4U);
  EXPECT_EQ(image.raw().height(), 3U);
  EXPECT_EQ(image.raw().stride(), 8U);
  EXPECT_EQ(image.raw().pfnc_pixel_format(), 0x01100007U);
  EXPECT_EQ(image.raw().max_trailing_bytes(), 5U);
}

TEST(ReplayRequestTest, TurnsAPictureThatWasTurned) {
  Inspection recorded = Recorded();
  EXPECT_FALSE(ReplayRequest(recorded, "bytes").image().apply_orientation());
  recorded.provenance.picture.apply_orientation = true;

  EXPECT_TRUE(ReplayRequest(recorded, "bytes").image().apply_orientation());
}

TEST(ReplayedInspectionTest, KnowsTheGeometryThatWasSent) {
  Inspection recorded = Recorded();
  recorded.provenance.picture.raw = {.width = 4, .height = 3, .stride = 8, .pfnc_pixel_format = 0x01100007};
  recorded.provenance.picture.significant_bits = 12;
  recorded.provenance.picture.apply_orientation = true;
  inspection::v1::InspectResponse response;
  response.mutable_provenance()->set_picture_sha256("ab");

  EXPECT_EQ(ReplayedInspection(recorded, response).provenance.picture, recorded.provenance.picture);
}

TEST(ComparisonTextTest, ListsNumbersAndConditions) {
  EXPECT_EQ(ComparisonText({.agreement = Agreement::kEqual, .numbers = {}, .conditions = {}}), "equal to the bit");
  EXPECT_EQ(ComparisonText({.agreement = Agreement::kDifferent,
                            .numbers = {"score 0.1 -> 0.2"},
                            .conditions = {"seed 1 -> 2", "device cpu -> cuda:0"}}),
            "different\n"
            "numbers that differ:\n"
            "  score 0.1 -> 0.2\n"
            "conditions that are not as they were:\n"
            "  seed 1 -> 2\n"
            "  device cpu -> cuda:0");
}

}  // namespace
}  // namespace bayespfl::client
