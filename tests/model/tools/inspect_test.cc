// `bayespfl-model inspect` on the embedded model.
#include "model/tools/inspect.h"

#include <filesystem>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_split.h"
#include "base/files.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/image/decode.h"
#include "model/image/encode.h"
#include "model/image/orientation.h"
#include "model/verdict/result_line.h"
#include "nlohmann/json.hpp"
#include "tests/model/tools/calibrated_model.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;
using ::testing::StartsWith;

const std::string kLeather = testing::Asset("demo/images/leather");

class InspectTest : public ::testing::Test {
 protected:
  // The lines on stdout; the exit code is `exit_code_`, what stood on stderr `complaints_`.
  std::vector<std::string> Lines() {
    std::ostringstream out;
    ::testing::internal::CaptureStderr();
    exit_code_ = RunInspect(arguments_, out);
    complaints_ = ::testing::internal::GetCapturedStderr();
    return absl::StrSplit(out.str(), '\n', absl::SkipEmpty());
  }

  std::vector<nlohmann::json> JsonLines() {
    std::vector<nlohmann::json> lines;
    for (const std::string& line : Lines()) lines.push_back(nlohmann::json::parse(line));
    return lines;
  }

  void Calibrate(const std::string& category, const std::string& object, float fail) {
    arguments_.calibration_file = folder_.Write("calibration.json", testing::DemoCalibration(category, object, fail));
  }

  const testing::TemporaryFolder folder_;
  InspectArguments arguments_{.model_dir = testing::kDemoModel,
                              .calibration_file = {},
                              .device = testing::TestDevice(),
                              .category = "leather",
                              .samples = 2,
                              .output_dir = {},
                              .map_dir = {},
                              .pictures = {kLeather + "/hole_0.jpg"}};
  int exit_code_ = -1;
  std::string complaints_;
};

TEST_F(InspectTest, PrintsALineThatReplayReads) {
  const std::vector<std::string> lines = Lines();
  ASSERT_EQ(exit_code_, 0) << complaints_;
  ASSERT_THAT(lines, SizeIs(1));
  const absl::StatusOr<Inspection> result = ParseResultLine(lines[0]);
  ASSERT_TRUE(result.ok()) << result.status();
  EXPECT_EQ(result->object, "leather");
  EXPECT_EQ(result->provenance.samples, 2);
  EXPECT_EQ(result->provenance.model, "bayespfl-demo");
  EXPECT_EQ(result->provenance.picture.sha256.size(), 64U);
  EXPECT_TRUE(result->provenance.ran_alone);
  const nlohmann::json json = nlohmann::json::parse(lines[0]);
  EXPECT_EQ(json["image"], kLeather + "/hole_0.jpg");
  for (const char* stage : {"decode", "preprocess", "vision", "prompts", "detect", "postprocess", "render", "total"}) {
    EXPECT_TRUE(json["timings"].contains(stage)) << stage;
  }
  EXPECT_FALSE(json.contains("regions"));
}

TEST_F(InspectTest, ACalibratedCategoryHasItsDrawsAndAVerdict) {
  Calibrate("PCB-4711 rev C", "leather", 0);
  arguments_.category = "PCB-4711 rev C";
  arguments_.samples.reset();
  const nlohmann::json line = JsonLines().at(0);
  EXPECT_EQ(line["category"], "PCB-4711 rev C");
  EXPECT_EQ(line["object"], "leather");
  EXPECT_EQ(line["verdict"], "FAIL");
  EXPECT_EQ(line["decided_by"], "score");
  EXPECT_EQ(line["provenance"]["seed"], 7);
  EXPECT_EQ(line["provenance"]["samples"], 2);
  EXPECT_EQ(line["thresholds"]["source"], "category");
}

TEST_F(InspectTest, ACategoryThatIsNotCalibratedHasNoVerdictAndThePackagesMask) {
  arguments_.category = "belt 9";
  const nlohmann::json line = JsonLines().at(0);
  EXPECT_EQ(line["verdict"], "NONE");
  EXPECT_EQ(line["thresholds"]["source"], "package");
  EXPECT_EQ(line["mask_threshold"].get<float>(), testing::kDemoModelMask);
}

TEST_F(InspectTest, TheObjectIsWhatTheModelReads) {
  const nlohmann::json by_category = JsonLines().at(0);
  arguments_.category = "belt 12";
  arguments_.object = "leather";
  const nlohmann::json by_object = JsonLines().at(0);
  EXPECT_EQ(by_object["category"], "belt 12");
  EXPECT_EQ(by_object["score"], by_category["score"]);
}

// The same picture with 8 bits, and as a 12-bit sensor's in a file of 16 bits.
TEST_F(InspectTest, A12BitPictureIsSeenInFullWhenItsSignificantBitsAreSaid) {
  const std::string jpeg = *ReadFile(kLeather + "/hole_0.jpg", size_t{1} << 26U);
  const RgbImage eight = *DecodeImage({reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()});
  std::vector<uint8_t> gray8;
  std::vector<uint8_t> gray16;
  for (size_t i = 0; i < eight.pixels.size(); i += 3) {
    const int value = (4095 * eight.pixels[i] + 127) / 255;
    gray8.push_back(eight.pixels[i]);
    gray16.push_back(static_cast<uint8_t>(value >> 8));
    gray16.push_back(static_cast<uint8_t>(value & 0xFF));
  }
  arguments_.pictures = {folder_.Write("8.png", *EncodePng(PngSamples::kGray8, eight.width, eight.height, gray8)),
                         folder_.Write("16.png", *EncodePng(PngSamples::kGray16, eight.width, eight.height, gray16))};

  const std::vector<nlohmann::json> unsaid = JsonLines();
  arguments_.significant_bits = 12;
  const std::vector<nlohmann::json> said = JsonLines();
  arguments_.significant_bits = 0;
  arguments_.json = false;
  const std::vector<std::string> table = Lines();

  EXPECT_EQ(said[0]["score"], unsaid[0]["score"]);
  EXPECT_EQ(said[1]["score"], said[0]["score"]);
  EXPECT_EQ(said[1]["provenance"]["picture"]["significant_bits"], 12);
  EXPECT_EQ(said[1]["warnings"].size(), 0U);
  EXPECT_NE(unsaid[1]["score"], unsaid[0]["score"]);
  EXPECT_EQ(unsaid[0]["warnings"].size(), 0U);
  EXPECT_EQ(unsaid[1]["warnings"][0]["reason"], "SHALLOW_SAMPLES");
  EXPECT_THAT(table.back(), StartsWith("warning: 1 of 2 pictures: 16-bit samples that never leave the low 12 bits"));
}

TEST_F(InspectTest, ARandomSeedIsAnotherOneForEachPicture) {
  arguments_.random_seed = true;
  arguments_.samples = 1;
  arguments_.pictures = {kLeather + "/hole_0.jpg", kLeather + "/hole_0.jpg"};
  const std::vector<nlohmann::json> lines = JsonLines();
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_NE(lines[0]["provenance"]["seed"], lines[1]["provenance"]["seed"]);
}

TEST_F(InspectTest, RegionsAreThoseOfTheMaskAskedFor) {
  arguments_.regions = true;
  arguments_.mask_threshold = 0.0F;  // everything is inside
  const nlohmann::json line = JsonLines().at(0);
  EXPECT_EQ(line["mask_area_fraction"], 1);
  EXPECT_EQ(line["regions_total"], 1);
  ASSERT_EQ(line["regions"].size(), 1U);
  EXPECT_EQ(line["regions"][0]["area_fraction"], 1);
}

TEST_F(InspectTest, AFolderStandsForItsPicturesAndItsDrawingsHaveTheClientsNames) {
  arguments_.pictures = {testing::Asset("demo/images/leather")};
  arguments_.samples = 1;
  arguments_.output_dir = folder_.File("drawings");
  ASSERT_THAT(JsonLines(), SizeIs(3)) << complaints_;
  ASSERT_EQ(exit_code_, 0) << complaints_;
  for (const char* file : {"good_0_overlay.png", "good_0_mask.png", "hole_0_overlay.png", "hole_0_mask.png"}) {
    EXPECT_TRUE(fs::exists(fs::path(arguments_.output_dir) / file)) << file;
  }
}

TEST_F(InspectTest, TheMaskHasThePicturesSizeAndTheAreaOfTheLine) {
  arguments_.output_dir = folder_.File("drawings");
  arguments_.mask_threshold = 0.5F;
  const nlohmann::json line = JsonLines().at(0);
  const std::string png = folder_.Read("drawings/hole_0_mask.png");
  const auto mask = DecodeImage({reinterpret_cast<const uint8_t*>(png.data()), png.size()});
  ASSERT_TRUE(mask.ok()) << mask.status();
  EXPECT_EQ(mask->width, line["frame_width"]);
  EXPECT_EQ(mask->height, line["frame_height"]);
  double inside = 0;
  for (size_t i = 0; i < mask->pixels.size(); i += 3) inside += mask->pixels[i] > 0 ? 1 : 0;
  EXPECT_GT(inside, 0);
  EXPECT_NEAR(inside / static_cast<double>(mask->pixel_count()), line["mask_area_fraction"].get<double>(), 0.01);
}

// An uncompressed RGB TIFF with an Orientation tag.
std::string TiffOf(const RgbImage& image, uint32_t orientation) {
  const auto width = static_cast<uint32_t>(image.width);
  const auto height = static_cast<uint32_t>(image.height);
  const std::vector<std::pair<uint32_t, uint32_t>> tags = {{256, width}, {257, height}, {258, 8},           {259, 1},
                                                           {262, 2},     {273, 0},      {274, orientation}, {277, 3}};
  std::string file("II*\0\x08\0\0\0", 8);
  const auto append = [&file](uint32_t value, size_t bytes) {
    for (size_t i = 0; i < bytes; ++i) file.push_back(static_cast<char>(value >> (8 * i)));
  };
  const auto pixels = static_cast<uint32_t>(8 + 2 + 12 * tags.size() + 4);
  append(static_cast<uint32_t>(tags.size()), 2);
  for (const auto& [tag, value] : tags) {
    append(tag, 2);
    append(4, 2);  // a LONG
    append(1, 4);
    append(tag == 273 ? pixels : value, 4);
  }
  append(0, 4);
  file.append(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size());
  return file;
}

// The same part in every file, so the same result: the outline lies on the defect as it is seen, not as it is stored.
TEST_F(InspectTest, WhatIsDrawnLiesOnTheUprightPicture) {
  const std::string hole = *ReadFile(kLeather + "/hole_0.jpg", size_t{1} << 24);
  const RgbImage upright = *DecodeImage({reinterpret_cast<const uint8_t*>(hole.data()), hole.size()});
  RgbImage narrow = upright;  // sides of two lengths, or half the orientations would fit by chance
  narrow.height /= 2;
  narrow.pixels.resize(narrow.pixel_count() * 3);
  // A quarter turn undoes three quarters.
  const RgbImage lying = TurnUpright(narrow, Orientation::kThreeQuarterTurn);
  arguments_.regions = true;
  arguments_.output_dir = folder_.File("drawn");
  arguments_.pictures = {folder_.Write("upright.tif", TiffOf(narrow, 1)), folder_.Write("lying.tif", TiffOf(lying, 6))};

  const std::vector<nlohmann::json> lines = JsonLines();

  ASSERT_EQ(exit_code_, 0) << complaints_;
  for (const char* key : {"score", "map_score", "frame_width", "frame_height", "regions", "mask_area_fraction"}) {
    EXPECT_EQ(lines.at(1)[key], lines.at(0)[key]) << key;
  }
  EXPECT_EQ(lines[1]["frame_width"], narrow.width);
  EXPECT_EQ(*ReadFile(folder_.File("drawn/lying_overlay.png"), size_t{1} << 24),
            *ReadFile(folder_.File("drawn/upright_overlay.png"), size_t{1} << 24));
}

TEST_F(InspectTest, ExifOrientationIsAppliedOnDemand) {
  const std::string jpeg = *ReadFile(kLeather + "/hole_0.jpg", size_t{1} << 24);
  const std::string exif(
      "\xff\xe1\0\x22"
      "Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0",
      36);
  arguments_.pictures = {folder_.Write("lying.jpg", jpeg.substr(0, 2) + exif + jpeg.substr(2))};
  const nlohmann::json stored = JsonLines().at(0);
  const RgbImage image = *DecodeImage({reinterpret_cast<const uint8_t*>(jpeg.data()), jpeg.size()});
  const std::string turned = folder_.Write("turned.tif", TiffOf(image, 6));

  arguments_.apply_orientation = true;
  arguments_.pictures.push_back(turned);
  const std::vector<nlohmann::json> lines = JsonLines();

  EXPECT_FALSE(stored["provenance"]["picture"]["apply_orientation"]);
  EXPECT_TRUE(lines.at(0)["provenance"]["picture"]["apply_orientation"]);
  EXPECT_NE(lines[0]["map_score"], stored["map_score"]);
  EXPECT_EQ(lines[0]["map_score"], lines.at(1)["map_score"]);
}

TEST_F(InspectTest, ABadPictureHasAnErrorAndTheOthersGoOn) {
  arguments_.samples = 1;
  arguments_.pictures = {folder_.Write("bad.png", "no picture"), kLeather + "/good_0.jpg"};
  const std::vector<nlohmann::json> lines = JsonLines();
  EXPECT_EQ(exit_code_, 1);
  ASSERT_THAT(lines, SizeIs(2));
  EXPECT_EQ(lines[0]["category"], "leather");
  EXPECT_EQ(lines[0]["error"]["code"], "INVALID_ARGUMENT");
  EXPECT_THAT(complaints_, HasSubstr("bad.png"));
  EXPECT_TRUE(lines[1].contains("score"));
}

TEST_F(InspectTest, PeopleReadTheTableThatTheClientPrints) {
  Calibrate("leather", "leather", 0);
  arguments_.json = false;
  const std::vector<std::string> lines = Lines();
  ASSERT_THAT(lines, SizeIs(3));
  EXPECT_THAT(lines[0], AllOf(StartsWith("image"), HasSubstr("verdict  decided by   score")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("hole_0.jpg  leather   FAIL     score"), HasSubstr(" ms")));
  EXPECT_THAT(lines[2], StartsWith("1 frame, 0 failed, 1 FAIL, "));
}

TEST_F(InspectTest, AnEmptyCategoryIsRefusedBeforeAnyPicture) {
  arguments_.category = " ";
  EXPECT_THAT(Lines(), SizeIs(0));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("category is empty"));
}

TEST_F(InspectTest, AnObjectThatTheModelCannotReadIsRefusedBeforeAnyPicture) {
  arguments_.object = "<|endoftext|>";
  EXPECT_THAT(Lines(), SizeIs(0));
  EXPECT_EQ(exit_code_, 1);
  EXPECT_THAT(complaints_, HasSubstr("object"));
}

}  // namespace
}  // namespace bayespfl
