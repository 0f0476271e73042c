// Calibration from the tool to the detector, on the embedded model and generated pictures.
#include "model/tools/calibrate.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/init.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/detection/detector.h"
#include "model/image/image.h"
#include "nlohmann/json.hpp"
#include "tests/support/bmp.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// Good picture 0, 1 ...: a soft texture, each of its own width. Rows of a BMP need padding at these widths.
RgbImage GoodPicture(int number) {
  RgbImage image{41 + 60 * number, 50, {}};
  image.pixels.resize(3 * image.pixel_count());
  for (size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<uint8_t>(100 + (i * static_cast<size_t>(7 + number) / 9) % 40);
  }
  return image;
}

// A package and a folder of four good pictures of different sizes; with a reject rate of 0.2, four are enough.
class CalibrateTest : public ::testing::Test {
 protected:
  CalibrateTest() {
    testing::CopyDemoModel(root_ / "model");
    for (int i = 0; i < 4; ++i) {
      folder_.Write(i == 3 ? "good/deeper/3.BMP" : absl::StrCat("good/", i, ".bmp"), testing::Bmp(GoodPicture(i)));
    }
    folder_.Write("good/notes.txt", "no picture");
    arguments_.model_dir = root_ / "model";
    arguments_.category = "leather";
    arguments_.images = {root_ / "good"};
    arguments_.reject_rate = 0.2;
    arguments_.samples = 2;
    arguments_.device = "cpu";
  }

  CalibrationReport MustCalibrate() {
    absl::StatusOr<CalibrationReport> report = Calibrate(arguments_);
    EXPECT_TRUE(report.ok()) << report.status();
    return report.value_or(CalibrationReport());
  }
  std::string Refusal(absl::StatusCode code = absl::StatusCode::kInvalidArgument) const {
    const absl::Status status = Calibrate(arguments_).status();
    EXPECT_EQ(status.code(), code) << status;
    return std::string(status.message());
  }
  std::unique_ptr<Detector> MustOpen(const std::string& calibration_file = "") const {
    auto detector = Detector::Create(arguments_.model_dir, {.device = "cpu", .calibration_file = calibration_file});
    EXPECT_TRUE(detector.ok()) << detector.status();
    return *std::move(detector);
  }
  absl::Status OpenStatus() const { return Detector::Create(arguments_.model_dir, {.device = "cpu"}).status(); }
  std::string WrittenCalibration() const { return folder_.Read("model/calibration.json"); }

  const testing::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
  const fs::path file_ = root_ / "model" / "calibration.json";
  CalibrateArguments arguments_;
};

TEST_F(CalibrateTest, TheThresholdsAreThoseOfTheGoodPicturesOwnScoresAndMaps) {
  arguments_.fixed_seed = true;
  arguments_.seed = 5;
  arguments_.pixel_percentile = 99;
  const CalibrationReport report = MustCalibrate();

  const std::unique_ptr<Detector> detector = MustOpen();
  std::vector<float> scores;
  std::vector<float> pixels;
  for (int i = 0; i < 4; ++i) {
    const RgbImage image = GoodPicture(i);
    const Frame frame{.image = &image, .category = "leather", .seed = 5, .samples = 2};
    const absl::StatusOr<Detection> detection = detector->Detect({&frame, 1})[0];
    ASSERT_TRUE(detection.ok()) << detection.status();
    EXPECT_EQ(detection->thresholds.score, report.calibration.score_threshold);
    scores.push_back(detection->score);
    pixels.insert(pixels.end(), detection->map.values.begin(), detection->map.values.end());
  }
  const float mask = report.calibration.mask_threshold;
  std::sort(pixels.begin(), pixels.end(), std::greater<>());
  EXPECT_EQ(report.calibration.score_threshold, *std::max_element(scores.begin(), scores.end()));
  EXPECT_EQ(mask, std::nextafter(pixels[pixels.size() / 100], std::numeric_limits<float>::infinity()));
  EXPECT_EQ(report.calibration.provenance.pixels, 4 * 224 * 224);
  EXPECT_EQ(report.calibration.provenance.good_pictures, 4);
}

TEST_F(CalibrateTest, EachPictureIsDrawnWithASeedOfItsOwnThatItsNameDoesNotChange) {
  const CalibrationReport own_seeds = MustCalibrate();
  fs::rename(root_ / "good" / "0.bmp", root_ / "good" / "zzz.bmp");
  const std::string before = WrittenCalibration();
  MustCalibrate();
  EXPECT_EQ(WrittenCalibration(), before);

  arguments_.fixed_seed = true;
  EXPECT_NE(MustCalibrate().calibration.provenance.highest_good_score,
            own_seeds.calibration.provenance.highest_good_score);
}

TEST_F(CalibrateTest, TheSameCommandTwiceGivesTheSameBytesAndLeavesTheUndoAlone) {
  MustCalibrate();
  const std::string first = WrittenCalibration();
  MustCalibrate();
  EXPECT_EQ(WrittenCalibration(), first);
  EXPECT_FALSE(fs::exists(file_.string() + ".previous"));
}

TEST_F(CalibrateTest, OtherCategoriesKeepTheirEntriesAndSpellingsOfOneShareIt) {
  MustCalibrate();
  arguments_.category = "metal_nut";
  MustCalibrate();
  arguments_.category = " Metal  NUT ";
  arguments_.seed = 1;
  const CalibrationReport last = MustCalibrate();

  EXPECT_EQ(last.key, "metal nut");
  const nlohmann::json categories = nlohmann::json::parse(WrittenCalibration())["categories"];
  EXPECT_EQ(categories.size(), 2U);
  EXPECT_TRUE(categories.contains("leather"));
  const std::unique_ptr<Detector> detector = MustOpen();
  for (const char* spelling : {"metal_nut", "metal nut", "Metal Nut"}) {
    EXPECT_EQ(detector->Thresholds(spelling)->score, last.calibration.score_threshold) << spelling;
  }
}

TEST_F(CalibrateTest, WordsThatAreADataSetNameInCapitalsCanBeCalibratedAndLoaded) {
  arguments_.category = "PCB1";  // no name of the package, unlike pcb1, and its clean-up is
  const CalibrationReport report = MustCalibrate();
  EXPECT_EQ(report.key, "pcb1");
  const std::unique_ptr<Detector> detector = MustOpen();
  EXPECT_TRUE(detector->Thresholds("PCB1")->score.has_value());
  EXPECT_FALSE(detector->Thresholds("pcb1")->score.has_value());  // reads "printed circuit board"
}

TEST_F(CalibrateTest, TextThatCleanUpShortensTwiceHasAKeyThatLoads) {
  arguments_.category = "nut &amp;amp;amp;lt; bolt";
  MustCalibrate();
  EXPECT_TRUE(MustOpen()->Thresholds(arguments_.category)->score.has_value());
}

// Two "amp" go in each pass: twenty passes. The demo model's context is too short for such words.
TEST_F(CalibrateTest, AKeyIsItsOwnKeyHoweverOftenCleanUpShortensIt) {
  const InitOptions init{.architecture = "tiny",
                         .seed = 5,
                         .output_dir = root_ / "tiny",
                         .vocabulary = BundledVocabulary(),
                         .vocabulary_file = std::string(kBundledVocabularyFile)};
  ASSERT_TRUE(InitModel(init).ok());
  const auto detector = Detector::Create(init.output_dir, {.device = "cpu"});
  ASSERT_TRUE(detector.ok()) << detector.status();
  std::string category = "&";
  for (int i = 0; i < 40; ++i) category += "amp";

  const auto key = (*detector)->CategoryKey(category);

  ASSERT_TRUE(key.ok()) << key.status();
  EXPECT_EQ(*key, "&");
}

TEST_F(CalibrateTest, CopiesCountOnceAndAreNamed) {
  fs::copy(root_ / "good" / "1.bmp", root_ / "good" / "copy.bmp");
  const CalibrationReport report = MustCalibrate();
  EXPECT_EQ(report.calibration.provenance.good_pictures, 4);
  EXPECT_THAT(report.copies, ElementsAre(root_ / "good" / "copy.bmp"));
}

TEST_F(CalibrateTest, TooFewPicturesAreRefusedWithBothNumbersAndNothingIsWritten) {
  arguments_.reject_rate = 0.1;
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("needs 9 good parts"), HasSubstr("4 support a rate of 0.2 or more")));
  arguments_.confidence = 0.95;
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("with confidence 0.95 needs 29 good parts"), HasSubstr("4 support none")));
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(CalibrateTest, EveryUnreadablePictureIsNamedAndNothingIsWritten) {
  folder_.Write("good/broken.jpg", "\xFF\xD8 no more");
  folder_.Write("good/empty.png", "");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("2 of 6 pictures cannot be read"), HasSubstr("broken.jpg: "),
                               HasSubstr("empty.png is empty"), Not(HasSubstr("0.bmp"))));
  EXPECT_FALSE(fs::exists(file_));
}

TEST_F(CalibrateTest, MissingFilesEmptyFoldersAndBadCategoriesAreRefused) {
  arguments_.images = {root_ / "nowhere"};
  EXPECT_THAT(Refusal(absl::StatusCode::kNotFound), HasSubstr("nowhere"));
  fs::create_directories(root_ / "empty");
  arguments_.images = {root_ / "empty"};
  EXPECT_THAT(Refusal(absl::StatusCode::kNotFound), HasSubstr("no picture in the folder"));
  arguments_.images = {root_ / "good"};
  arguments_.category = "<|endoftext|>";
  EXPECT_THAT(Refusal(), HasSubstr("special token"));
  arguments_.category = "leather";
  arguments_.pixel_percentile = 50;
  EXPECT_THAT(Refusal(), HasSubstr("must be in 90..100"));
}

TEST_F(CalibrateTest, UndoRestoresTheCalibrationBeforeAndThenTheLastOne) {
  MustCalibrate();
  const std::string first = WrittenCalibration();
  arguments_.seed = 99;
  MustCalibrate();
  const std::string second = WrittenCalibration();
  arguments_.undo = true;
  ASSERT_NE(first, second);

  EXPECT_EQ(RunCalibrate(arguments_), 0);
  EXPECT_EQ(WrittenCalibration(), first);
  EXPECT_EQ(RunCalibrate(arguments_), 0);
  EXPECT_EQ(WrittenCalibration(), second);
}

TEST_F(CalibrateTest, UndoOfTheFirstCalibrationGivesThePackageItsDigestBack) {
  const std::string before = MustOpen()->info().digest;
  MustCalibrate();
  EXPECT_NE(MustOpen()->info().digest, before);
  arguments_.undo = true;

  EXPECT_EQ(RunCalibrate(arguments_), 0);

  EXPECT_FALSE(fs::exists(file_));
  EXPECT_EQ(MustOpen()->info().digest, before);
}

TEST_F(CalibrateTest, AFileElsewhereLeavesThePackageUntouchedAndCoversTheVersion) {
  arguments_.calibration_file = root_ / "elsewhere.json";
  const CalibrationReport report = MustCalibrate();
  EXPECT_EQ(report.file, arguments_.calibration_file);
  EXPECT_FALSE(fs::exists(file_));
  EXPECT_FALSE(fs::exists(file_.string() + ".lock"));

  const std::unique_ptr<Detector> with = MustOpen(arguments_.calibration_file);
  const std::unique_ptr<Detector> without = MustOpen();
  EXPECT_EQ(with->Thresholds("leather")->score, report.calibration.score_threshold);
  EXPECT_FALSE(without->Thresholds("leather")->score.has_value());
  EXPECT_NE(with->info().version, without->info().version);
  fs::rename(arguments_.calibration_file, file_);
  EXPECT_EQ(MustOpen()->info().version, with->info().version);

  arguments_.undo = true;  // what is undone is the file of --calibration, which is gone
  EXPECT_EQ(RunCalibrate(arguments_), 1);
  EXPECT_TRUE(fs::exists(file_));
}

TEST_F(CalibrateTest, AFolderThatCannotBeWrittenLeavesTheOldFileAndNamesTheWayOut) {
  MustCalibrate();
  const std::string before = WrittenCalibration();
  fs::create_directories(file_.string() + ".tmp/in the way");
  arguments_.seed = 1;

  const absl::Status status = Calibrate(arguments_).status();

  EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("calibration.json.tmp"), HasSubstr("--calibration FILE")));
  EXPECT_EQ(WrittenCalibration(), before);
  EXPECT_TRUE(OpenStatus().ok());
}

TEST_F(CalibrateTest, ADamagedFileIsLeftAsItIs) {
  folder_.Write("model/calibration.json", "{}");
  EXPECT_THAT(Refusal(), AllOf(HasSubstr("is damaged and was left as it is"), HasSubstr("schema_version")));
  EXPECT_EQ(WrittenCalibration(), "{}");
}

// ---- loading -------------------------------------------------------------------------------------------------------

TEST_F(CalibrateTest, UncalibratedCategoriesHaveThePackagesThreshold) {
  MustCalibrate();
  const std::unique_ptr<Detector> detector = MustOpen();
  const absl::StatusOr<CategoryThresholds> wood = detector->Thresholds("wood");
  ASSERT_TRUE(wood.ok());
  EXPECT_EQ(wood->mask, 0.6225F);
  EXPECT_TRUE(wood->calibrated);
  EXPECT_FALSE(wood->score.has_value());
  ASSERT_EQ(detector->info().calibrated_categories.size(), 1U);
  EXPECT_EQ(detector->info().calibrated_categories[0].category, "leather");
  EXPECT_EQ(detector->info().calibrated_categories[0].good_pictures, 4);
}

TEST_F(CalibrateTest, ACalibrationOfAnotherModelIsRefusedAndCalibratingAgainReplacesIt) {
  MustCalibrate();
  arguments_.category = "wood";
  MustCalibrate();
  folder_.Replace("model/config.json", "\"map_smoothing_sigma\": 4", "\"map_smoothing_sigma\": 5");

  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(
      std::string(OpenStatus().message()),
      AllOf(HasSubstr("calibration.json: its thresholds were made with another model"), HasSubstr("calibrate again")));
  EXPECT_THAT(MustCalibrate().superseded, ElementsAre("leather"));
  EXPECT_TRUE(MustOpen()->Thresholds("wood")->score.has_value());
}

TEST_F(CalibrateTest, NamesAndVersionOfThePackageDoNotMakeACalibrationStale) {
  MustCalibrate();
  folder_.Replace("model/config.json", "\"version\": \"1.0.0\"", "\"version\": \"1.0.1\"");
  folder_.Replace("model/config.json", "\"mask\": 0.6225", "\"mask\": 0.5");
  EXPECT_TRUE(OpenStatus().ok()) << OpenStatus();
}

TEST_F(CalibrateTest, HostileCalibrationsAreRefusedWithTheFilesName) {
  MustCalibrate();
  const std::string good = WrittenCalibration();
  folder_.Replace("model/calibration.json", "\"leather\"", "\"Leather\"");
  EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(OpenStatus().message()),
              AllOf(HasSubstr("\"Leather\""), HasSubstr("reads it as \"leather\"")));
  for (const std::string& text : {std::string(), std::string("null"), good.substr(0, good.size() / 2),
                                  std::string("\0\0\0", 3), std::string((16 << 20) + 1, ' ')}) {
    folder_.Write("model/calibration.json", text);
    EXPECT_EQ(OpenStatus().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(OpenStatus().message()), HasSubstr("calibration.json"));
  }
  fs::remove(file_);
  fs::create_directories(file_);
  EXPECT_FALSE(OpenStatus().ok());
}

TEST_F(CalibrateTest, ACalibrationFileThatIsNamedMustExist) {
  const auto detector = Detector::Create(arguments_.model_dir, {.device = "cpu", .calibration_file = "nowhere.json"});
  EXPECT_EQ(detector.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(detector.status().message()), HasSubstr("nowhere.json"));
}

}  // namespace
}  // namespace bayespfl
