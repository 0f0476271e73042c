// From a data set on disk to the report files, with a stand-in for the model.

#include "model/evaluation/report.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/gallery.h"
#include "model/evaluation/ground_truth.h"
#include "model/evaluation/html_report.h"
#include "model/evaluation/picture_seed.h"
#include "model/evaluation/seed_spread.h"
#include "model/evaluation/shortcomings.h"
#include "model/image/encode.h"
#include "nlohmann/json.hpp"
#include "tests/support/bmp.h"
#include "tests/support/exif.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr int kSide = 48;  // more pixels than the reference's top-k of 2000
constexpr size_t kPixels = size_t{kSide} * kSide;

// Index of a pixel.
size_t At(int row, int column) { return static_cast<size_t>(row) * kSide + static_cast<size_t>(column); }

class SilentObserver final : public EvaluationObserver {
 public:
  void Begin(absl::string_view /*step*/, int64_t /*total*/) override {}
  void Advance(bool fresh) override { computed += fresh ? 1 : 0; }
  void Say(absl::string_view message) override { absl::StrAppend(&said, message, "\n"); }

  int computed = 0;
  std::string said;
};

// A gray picture of kSide x kSide pixels, as a file.
std::string GrayBmp(const std::vector<uint8_t>& gray) {
  RgbImage image{kSide, kSide, {}};
  for (const uint8_t value : gray) image.pixels.insert(image.pixels.end(), 3, value);
  return testing::Bmp(image);
}

class GrayFrame final : public PreparedFrame {
 public:
  explicit GrayFrame(std::vector<float> pixels) : gray(std::move(pixels)) {}
  [[nodiscard]] size_t bytes() const override { return gray.size() * sizeof(float); }

  const std::vector<float> gray;  // 0..1
};

// The map is the picture's gray, the score its mean. Fails once `allowed` pictures were seen.
class GrayDetector final : public Detector {
 public:
  // `seeds`, if given, outlives it and gets the seed of every frame.
  explicit GrayDetector(int allowed, std::vector<uint64_t>* seeds = nullptr) : allowed_(allowed), seeds_(seeds) {}

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override {
    if (seeds_ != nullptr) seeds_->push_back(frame.seed);
    std::vector<float> gray;
    for (size_t i = 0; i < frame.image->pixels.size(); i += 3) {
      gray.push_back(static_cast<float>(frame.image->pixels[i]) / 255.0F);
    }
    return std::make_unique<GrayFrame>(std::move(gray));
  }
  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override {
    std::vector<absl::StatusOr<ComputedFrame>> results;
    for (const PreparedFrame* frame : frames) {
      if (allowed_-- == 0) return {frames.size(), absl::InternalError("the device failed")};
      ComputedFrame computed;
      computed.map = {kSide, kSide, static_cast<const GrayFrame*>(frame)->gray};
      const std::vector<float>& gray = computed.map.values;
      computed.score = static_cast<float>(std::accumulate(gray.begin(), gray.end(), 0.0) / kPixels);
      results.emplace_back(std::move(computed));
    }
    return results;
  }
  Detection Finish(ComputedFrame frame) const override {
    Detection detection;
    detection.score = frame.score;
    detection.map_score = *std::max_element(frame.map.values.begin(), frame.map.values.end());
    detection.map = std::move(frame.map);
    return detection;
  }
  absl::Status Validate(absl::string_view /*object*/, int /*samples*/) const override { return absl::OkStatus(); }
  const ModelInfo& info() const override { return info_; }
  std::shared_ptr<const FrameHandler> frame_handler() const override { return nullptr; }  // not asked for

 private:
  const ModelInfo info_;
  mutable int allowed_;
  std::vector<uint64_t>* const seeds_;
};

class ReportTest : public ::testing::Test {
 protected:
  // A category of `normal` and `anomalous` pictures; picture i is brighter than picture i - 1, defects are a bright
  // square.
  void PutCategory(const std::string& name, int normal, int anomalous) {
    for (int i = 0; i < normal + anomalous; ++i) {
      const bool bad = i >= normal;
      std::vector<uint8_t> gray(kPixels, static_cast<uint8_t>(40 + 9 * i));
      std::vector<uint8_t> mask(kPixels, 0);
      for (int row = 8; bad && row < 20; ++row) {
        for (int column = 8; column < 20; ++column) {
          gray[At(row, column)] = static_cast<uint8_t>(200 + i);
          mask[At(row, column)] = 255;
        }
      }
      const std::string image = absl::StrCat(name.size(), "_", i, ".bmp");
      folder_.Write(absl::StrCat("data/", image), GrayBmp(gray));
      folder_.Write(absl::StrCat("data/mask_", image), GrayBmp(mask));
      std::string quoted = name;
      for (size_t at = quoted.find('"'); at != std::string::npos; at = quoted.find('"', at + 2))
        quoted.insert(at, 1, '"');
      absl::StrAppend(&rows_, image, ",", bad ? absl::StrCat("mask_", image) : "", ",\"", quoted, "\",", bad ? 1 : 0,
                      "\n");
    }
  }

  absl::StatusOr<Evaluation> Evaluate(const std::string& folder, int allowed = 1000) {
    folder_.Write("data/set.csv", absl::StrCat("image,mask,category,label\n", rows_));
    const auto dataset = OpenDataset(root_ / "data/set.csv", {});
    if (!dataset.ok()) return dataset.status();
    EvaluationSetting setting;
    setting.samples = 3;
    setting.seed = 1;
    setting.seed_per_picture = seed_per_picture_;
    setting.reading = reading_;
    setting.model.name = "stand-in";
    setting.model.version = "1";
    setting.model.digest = "d";
    setting.model.device = "cpu";
    setting.model.precision = precision_;
    setting.model.iad_sampling = "request";
    setting.model.image_size = kSide;
    setting.model.map_smoothing_sigma = 1;
    setting.categories = categories_;
    auto state = RunState::Open(root_ / folder / ".state", RunIdentity(*dataset, setting), kSide);
    if (!state.ok()) return state.status();
    auto pictures = DetectAll(*dataset, setting, GrayDetector(allowed, &seeds_), **state, observer_);
    if (!pictures.ok()) return pictures.status();
    auto evaluation = Summarise(*dataset, setting, *std::move(pictures), **state, observer_);
    if (!evaluation.ok()) return evaluation.status();
    const auto galleries = MakeGalleries(*evaluation, *dataset, **state);
    if (!galleries.ok()) return galleries.status();
    if (absl::Status status = WriteReport(*evaluation, *galleries, root_ / folder); !status.ok()) return status;
    if (absl::Status status = (*state)->Remove(); !status.ok()) return status;
    return evaluation;
  }

  std::map<std::string, std::string> Files(const std::string& folder) const {
    std::map<std::string, std::string> files;
    for (const auto& entry : fs::directory_iterator(root_ / folder)) {
      const std::string name = entry.path().filename();
      files[name] = folder_.Read(absl::StrCat(folder, "/", name));
    }
    return files;
  }

  const testing::TemporaryFolder folder_;
  const fs::path root_ = folder_.path();
  std::string rows_;
  bool seed_per_picture_ = false;
  std::string precision_ = "fp32";
  PictureReading reading_;
  std::vector<uint64_t> seeds_;  // of the frames, as they came
  CategoryTable categories_;
  SilentObserver observer_;
};

// Pictures of a 12-bit sensor in files of 16 bits: full white is 4095.
TEST_F(ReportTest, SignificantBitsAreThoseThatPicturesAreSeenWith) {
  PutCategory("nut", 2, 2);
  std::vector<uint8_t> white;
  for (size_t i = 0; i < kPixels; ++i) white.insert(white.end(), {0x0F, 0xFF});
  folder_.Write("data/white.png", *EncodePng(PngSamples::kGray16, kSide, kSide, white));
  absl::StrAppend(&rows_, "white.png,,nut,0\n");

  const absl::StatusOr<Evaluation> unsaid = Evaluate("unsaid");
  const std::string warned = std::exchange(observer_.said, "");
  reading_.significant_bits = 12;
  const absl::StatusOr<Evaluation> said = Evaluate("said");

  ASSERT_TRUE(unsaid.ok() && said.ok()) << unsaid.status() << said.status();
  const auto score = [](const Evaluation& evaluation) {
    for (const PictureResult& picture : evaluation.pictures) {
      if (picture.item.image == "white.png") return picture.score;
    }
    return -1.0F;
  };
  EXPECT_FLOAT_EQ(score(*unsaid), 16.0F / 255);
  EXPECT_FLOAT_EQ(score(*said), 1);
  EXPECT_THAT(warned, HasSubstr("warning: 1 of 5 pictures: 16-bit samples that never leave the low 12 bits"));
  EXPECT_THAT(observer_.said, Not(HasSubstr("warning")));
  EXPECT_EQ(nlohmann::json::parse(Files("said").at("report.json"))["significant_bits"], 12);
  EvaluationSetting setting;
  const std::string identity = RunIdentity({}, setting);
  setting.reading.significant_bits = 12;
  EXPECT_NE(RunIdentity({}, setting), identity);
}

// A picture whose upper quarter, as it is stored, is bright. Its sides are equal: no turn shows in them.
std::string Turned(Orientation orientation) {
  std::vector<uint8_t> gray(kPixels, 0);
  std::fill_n(gray.begin(), kPixels / 4, uint8_t{250});
  return testing::WithExif(*EncodePng(PngSamples::kGray8, kSide, kSide, gray), orientation);
}

TEST_F(ReportTest, OrientationIsAppliedToPicturesAndToMasksThatSayOne) {
  PutCategory("nut", 2, 0);
  folder_.Write("data/bad.png", Turned(Orientation::kFlip));
  folder_.Write("data/own.png", Turned(Orientation::kFlip));         // a mask that lies as its picture does
  folder_.Write("data/upright.png", Turned(Orientation::kUpright));  // another one that is not turned
  rows_ += "bad.png,own.png,nut,1\n";
  reading_.apply_orientation = true;

  const absl::StatusOr<Evaluation> own = Evaluate("own");
  rows_ = rows_.substr(0, rows_.rfind("bad.png")) + "bad.png,upright.png,nut,1\n";
  const absl::StatusOr<Evaluation> upright = Evaluate("upright");

  ASSERT_TRUE(own.ok() && upright.ok()) << own.status() << upright.status();
  EXPECT_GT(*own->categories[0].server.pixel.ranking.auroc, 0.9);
  EXPECT_LT(*upright->categories[0].server.pixel.ranking.auroc, 0.9);
  EXPECT_EQ(nlohmann::json::parse(Files("own").at("report.json"))["apply_orientation"], true);
  EXPECT_THAT(Files("own").at("report.md"), HasSubstr("EXIF orientation applied"));
}

TEST_F(ReportTest, AnotherReadingOrWayToDrawMakesAnotherRun) {
  EvaluationSetting setting;
  const std::string identity = RunIdentity({}, setting);
  setting.reading.apply_orientation = true;
  const std::string turned = RunIdentity({}, setting);
  setting.reading.apply_orientation = false;
  setting.seed_per_picture = true;

  EXPECT_NE(turned, identity);
  EXPECT_NE(RunIdentity({}, setting), identity);
  EXPECT_NE(RunIdentity({}, setting), turned);
}

// The package's digest does not tell: it is the same in each precision.
TEST_F(ReportTest, AnotherPrecisionMakesAnotherRun) {
  EvaluationSetting setting;
  setting.model.precision = "fp32";
  const std::string identity = RunIdentity({}, setting);
  setting.model.precision = "bf16";
  EXPECT_NE(RunIdentity({}, setting), identity);
}

TEST_F(ReportTest, ItSaysThePrecision) {
  PutCategory("nut", 2, 1);
  precision_ = "bf16";

  ASSERT_TRUE(Evaluate("report").ok());

  EXPECT_EQ(nlohmann::json::parse(Files("report").at("report.json"))["model"]["precision"], "bf16");
  EXPECT_THAT(Files("report").at("report.md"), HasSubstr(", cpu, bf16"));
}

TEST_F(ReportTest, PicturesThatStandOtherwiseThanTheCalibrationsAreSaid) {
  PutCategory("nut", 2, 1);
  folder_.Write("data/lying.png", Turned(Orientation::kFlip));
  folder_.Write("data/upright.png", Turned(Orientation::kUpright));
  rows_ += "lying.png,,nut,0\nupright.png,,nut,0\n";
  CategoryDefaults nut;
  nut.object = "nut";
  nut.samples = 2;
  nut.apply_orientation = true;
  categories_ = CategoryTable({}, {{"nut", nut}});

  ASSERT_TRUE(Evaluate("without").ok());
  const std::string without = std::exchange(observer_.said, "");
  reading_.apply_orientation = true;
  ASSERT_TRUE(Evaluate("with").ok());

  EXPECT_THAT(without, HasSubstr("warning: 1 of 5 pictures: its EXIF data says that it does not stand upright"));
  EXPECT_THAT(observer_.said, Not(HasSubstr("warning")));
}

TEST_F(ReportTest, EveryPictureOfACategoryHasOneSeedUnlessEachHasItsOwn) {
  PutCategory("nut", 2, 2);
  ASSERT_TRUE(Evaluate("one").ok());
  const std::vector<uint64_t> one = std::exchange(seeds_, {});
  seed_per_picture_ = true;
  ASSERT_TRUE(Evaluate("each").ok());

  EXPECT_THAT(one, ElementsAre(1, 1, 1, 1));
  std::vector<uint64_t> expected;
  for (int i = 0; i < 4; ++i) expected.push_back(PictureSeed(1, folder_.Read(absl::StrCat("data/3_", i, ".bmp"))));
  EXPECT_EQ(seeds_, expected);
  const auto files = Files("each");
  for (const uint64_t seed : expected) EXPECT_THAT(files.at("scores.csv"), HasSubstr(absl::StrCat(",", seed, "\n")));
  EXPECT_THAT(files.at("report.md"), AllOf(HasSubstr("a seed for each picture made from seed 1"),
                                           HasSubstr("every picture gets a seed of its own")));
  EXPECT_EQ(nlohmann::json::parse(files.at("report.json"))["seed_per_picture"], true);
}

// What an interrupted run has computed keeps the seeds it was computed with.
TEST_F(ReportTest, AnInterruptedRunOfManySeedsEndsInTheSameReport) {
  PutCategory("nut", 3, 4);
  seed_per_picture_ = true;
  ASSERT_TRUE(Evaluate("whole").ok());
  EXPECT_FALSE(Evaluate("parts", /*allowed=*/3).ok());

  ASSERT_TRUE(Evaluate("parts").ok());

  EXPECT_EQ(Files("parts"), Files("whole"));
}

TEST_F(ReportTest, TheSameRunGivesTheSameBytesWithoutTracesOfTheMachine) {
  PutCategory("nut", 3, 4);
  ASSERT_TRUE(Evaluate("a").ok());
  ASSERT_TRUE(Evaluate("b").ok());

  const auto files = Files("a");

  EXPECT_EQ(files, Files("b"));
  EXPECT_EQ(files.size(), 5U);
  for (const auto& [name, content] : files) EXPECT_THAT(content, Not(HasSubstr(root_.parent_path().string()))) << name;
}

TEST_F(ReportTest, AnInterruptedRunEndsInTheSameReport) {
  PutCategory("nut", 3, 4);
  ASSERT_TRUE(Evaluate("whole").ok());
  EXPECT_FALSE(Evaluate("parts", /*allowed=*/3).ok());
  observer_.computed = 0;

  ASSERT_TRUE(Evaluate("parts").ok());

  EXPECT_EQ(Files("parts"), Files("whole"));
  // Three of seven pictures were there; the category's numbers are always computed.
  EXPECT_EQ(observer_.computed, 4 + 1);
}

TEST_F(ReportTest, TheReferencesNumbersAreThoseOfItsFunctions) {
  PutCategory("nut", 3, 4);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();

  std::vector<double> text;
  std::vector<double> topk;
  std::vector<uint8_t> labels;
  auto pixels = PixelMetricsAccumulator::Create(root_);
  ASSERT_TRUE(pixels.ok());
  for (const PictureResult& picture : evaluation->pictures) {
    const auto image = DecodeBytes(folder_.Read(absl::StrCat("data/", picture.item.image)));
    ASSERT_TRUE(image.ok());
    const Frame frame{.image = &*image, .object = "nut"};
    const Detection detection = *GrayDetector(1).Detect({&frame, 1}).front();
    text.push_back(detection.score);
    topk.push_back(*TopKMean(detection.map, 2000));
    labels.push_back(picture.item.anomalous ? 1 : 0);
    std::vector<uint8_t> mask(kPixels, 0);
    for (int row = 8; picture.item.anomalous && row < 20; ++row) {
      std::fill_n(mask.begin() + static_cast<ptrdiff_t>(At(row, 8)), 12, uint8_t{1});
    }
    ASSERT_TRUE((*pixels)->Add(SmoothMap(detection.map, kReferenceSigma), mask).ok());
  }
  const RankingMetrics image = RankScores(FinalImageScores(text, topk), labels, kImageF1Epsilon);
  const auto pixel = (*pixels)->Finish();
  ASSERT_TRUE(pixel.ok());

  const ReferenceResult& reference = evaluation->categories.at(0).reference;
  EXPECT_DOUBLE_EQ(*reference.image.auroc, *image.auroc);
  EXPECT_DOUBLE_EQ(*reference.image.f1_max, *image.f1_max);
  EXPECT_DOUBLE_EQ(*reference.pixel.ranking.auroc, *pixel->ranking.auroc);
  EXPECT_DOUBLE_EQ(*reference.pixel.ranking.average_precision, *pixel->ranking.average_precision);
  EXPECT_DOUBLE_EQ(*reference.pixel.aupro, *pixel->aupro);
}

TEST_F(ReportTest, JsonAndCsvCarryTheSameNumbers) {
  PutCategory("nut", 3, 4);
  PutCategory("screw", 2, 2);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();

  const nlohmann::json json = nlohmann::json::parse(JsonReport(*evaluation));
  const std::string csv = MetricsCsv(*evaluation);

  const double auroc = *evaluation->categories[0].reference.pixel.ranking.auroc;
  EXPECT_THAT(json.dump(), HasSubstr(nlohmann::json(auroc).dump()));
  EXPECT_THAT(csv, HasSubstr(nlohmann::json(auroc).dump()));
  EXPECT_THAT(csv, AllOf(HasSubstr("\ncategory,nut,"), HasSubstr("\ncategory,screw,")));
}

TEST_F(ReportTest, NamesFromTheDataSetAreEscaped) {
  PutCategory("<b>&\"x", 2, 2);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();

  const auto files = Files("a");

  EXPECT_THAT(files.at("report.html"), AllOf(Not(HasSubstr("<b>&")), HasSubstr("&lt;b&gt;&amp;")));
  EXPECT_THAT(files.at("report.md"), Not(HasSubstr("<b>")));
  EXPECT_THAT(files.at("metrics.csv"), HasSubstr("\"<b>&\"\"x\""));
  EXPECT_FALSE(nlohmann::json::parse(files.at("report.json"), nullptr, false).is_discarded());
}

TEST_F(ReportTest, TheHtmlLoadsNothing) {
  PutCategory("nut", 3, 4);
  ASSERT_TRUE(Evaluate("a").ok());

  const std::string html = Files("a").at("report.html");

  EXPECT_THAT(html, AllOf(HasSubstr("<svg"), HasSubstr("src=\"data:image/jpeg;base64,")));
  for (const std::string forbidden : {"<script", "src=\"http", "href=\"http", "url(http", "@import", "src=\"file"}) {
    EXPECT_THAT(html, Not(HasSubstr(forbidden)));
  }
}

TEST_F(ReportTest, BrokenPicturesAreNamedSkippedAndCounted) {
  PutCategory("nut", 3, 4);
  absl::StrAppend(&rows_, "missing.bmp,,nut,0\nset.csv,,nut,0\n");

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->categories.at(0).skipped, 2);
  EXPECT_EQ(evaluation->categories.at(0).normal, 3);
  EXPECT_THAT(observer_.said, AllOf(HasSubstr("missing.bmp"), HasSubstr("set.csv")));
  EXPECT_THAT(Files("a").at("scores.csv"), HasSubstr("missing.bmp"));
}

TEST_F(ReportTest, NothingButBrokenPicturesIsReportedAndFallsShort) {
  rows_ = "missing.bmp,,nut,0\nother.bmp,other_mask.bmp,nut,1\n";

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_THAT(Shortcomings(*evaluation),
              ElementsAre(HasSubstr("no normal picture counts of nut"), HasSubstr("no defective picture counts of nut"),
                          "2 of 2 pictures are skipped, more than a tenth"));
  EXPECT_THAT(Files("a").at("report.md"), HasSubstr("Beware"));
}

TEST_F(ReportTest, EnoughOfBothClassesFallsShortOfNothing) {
  PutCategory("nut", 3, 4);

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_THAT(Shortcomings(*evaluation), IsEmpty());
}

TEST_F(ReportTest, ATenthOfThePicturesMayBeSkippedMoreMayNot) {
  PutCategory("nut", 5, 4);
  rows_ += "missing.bmp,,nut,0\n";
  const auto a_tenth = Evaluate("a");
  rows_ += "gone.bmp,,nut,0\n";
  const auto more = Evaluate("b");

  ASSERT_TRUE(a_tenth.ok() && more.ok());
  EXPECT_THAT(Shortcomings(*a_tenth), IsEmpty());
  EXPECT_THAT(Shortcomings(*more), ElementsAre("2 of 11 pictures are skipped, more than a tenth"));
}

TEST_F(ReportTest, ACategoryOfOneClassFallsShort) {
  PutCategory("nut", 0, 3);
  PutCategory("screw", 3, 0);

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_THAT(Shortcomings(*evaluation),
              ElementsAre("no normal picture counts of nut", "no defective picture counts of screw"));
}

TEST_F(ReportTest, ADefectivePictureWithAnEmptyMaskIsNamedAndCounted) {
  PutCategory("nut", 3, 2);
  folder_.Write("data/mask_3_4.bmp", GrayBmp(std::vector<uint8_t>(kPixels, 0)));

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_EQ(evaluation->categories.at(0).remarks, 1);
  EXPECT_EQ(evaluation->categories.at(0).anomalous, 2);
  EXPECT_THAT(observer_.said, HasSubstr("3_4.bmp: its mask marks no pixel"));
  const auto files = Files("a");
  EXPECT_THAT(files.at("report.md"), HasSubstr("3_4.bmp (its mask marks no pixel)"));
  EXPECT_THAT(files.at("scores.csv"), HasSubstr(",its mask marks no pixel,1\n"));
  EXPECT_THAT(Shortcomings(*evaluation), IsEmpty());
}

TEST_F(ReportTest, NothingButEmptyMasksFallsShort) {
  PutCategory("nut", 3, 1);
  folder_.Write("data/mask_3_3.bmp", GrayBmp(std::vector<uint8_t>(kPixels, 0)));

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  EXPECT_THAT(Shortcomings(*evaluation), ElementsAre(HasSubstr("no mask marks a pixel of nut")));
}

TEST_F(ReportTest, VerdictsAreThoseOfTheCategorysLines) {
  PutCategory("nut", 3, 4);
  PutCategory("screw", 2, 2);
  // A good part's score is its gray: (40 + 9 i) / 255. The first is below the review line, the last above the fail
  // line.
  CategoryDefaults nut;
  nut.object = "nut";
  nut.seed = 7;
  nut.samples = 2;
  nut.thresholds = {.source = ThresholdSource::kCategory,
                    .revision = "r1",
                    .mask = 0.7F,
                    .lines = {{.rule = DecisionRule::kScore, .review = 45 / 255.0F, .fail = 53 / 255.0F}}};
  categories_ = CategoryTable({}, {{"nut", nut}});

  const auto evaluation = Evaluate("a");

  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  const CategoryResult& calibrated = evaluation->categories.at(0);
  EXPECT_EQ(calibrated.setting.seed, 1U);  // what the run asks for wins
  EXPECT_EQ(calibrated.server.normal.pass, 1);
  EXPECT_EQ(calibrated.server.normal.review, 1);
  EXPECT_EQ(calibrated.server.normal.fail, 1);
  EXPECT_EQ(calibrated.server.anomalous.fail, 4);
  EXPECT_EQ(evaluation->categories.at(1).server.normal.total(), 0);
  const auto files = Files("a");
  EXPECT_THAT(files.at("scores.csv"), AllOf(HasSubstr(",PASS,"), HasSubstr(",REVIEW,"), HasSubstr(",FAIL,")));
  const auto json = nlohmann::json::parse(files.at("report.json"));
  EXPECT_NEAR(json["categories"][0]["verdicts"]["overkill"].get<double>(), 1.0 / 3, 1e-9);
  EXPECT_NEAR(json["categories"][0]["verdicts"]["normal_review"].get<double>(), 1.0 / 3, 1e-9);
  EXPECT_EQ(json["categories"][0]["verdicts"]["escape"], 0);
  EXPECT_TRUE(json["categories"][1]["verdicts"]["overkill"].is_null());
}

TEST_F(ReportTest, TheMaskIsThatOfTheCategorysThreshold) {
  PutCategory("nut", 3, 2);
  const auto by_package = Evaluate("a");
  CategoryDefaults nut;
  nut.object = "nut";
  nut.samples = 2;
  nut.thresholds.mask = 0.9F;
  categories_ = CategoryTable({}, {{"nut", nut}});
  const auto by_category = Evaluate("b");

  ASSERT_TRUE(by_package.ok() && by_category.ok());
  EXPECT_GT(*by_package->categories[0].server.at_threshold.recall, 0.5);
  EXPECT_EQ(*by_category->categories[0].server.at_threshold.recall, 0);
}

TEST_F(ReportTest, SeveralSeedsGiveMeanAndDeviation) {
  PutCategory("nut", 3, 4);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  std::vector<Evaluation> runs = {*evaluation, *evaluation, *evaluation};
  for (size_t i = 0; i < runs.size(); ++i) {
    runs[i].setting.seed = i;
    runs[i].categories[0].server.by_score.auroc = 0.5 + 0.1 * static_cast<double>(i);
  }
  runs[2].categories[0].server.by_map_score.auroc = std::nullopt;

  Evaluation joined = runs.front();
  joined.over_seeds = SpreadOver(runs);

  const auto json = nlohmann::json::parse(JsonReport(joined));
  EXPECT_EQ(json["over_seeds"]["seeds"], nlohmann::json({0, 1, 2}));
  EXPECT_NEAR(json["over_seeds"]["mean"]["server"]["score_auroc"]["mean"].get<double>(), 0.6, 1e-12);
  EXPECT_NEAR(json["over_seeds"]["mean"]["server"]["score_auroc"]["deviation"].get<double>(), 0.1, 1e-12);
  EXPECT_TRUE(json["over_seeds"]["categories"][0]["server"]["map_score_auroc"].is_null());
  EXPECT_THAT(MarkdownReport(joined), HasSubstr("60.00 ± 10.00"));
  EXPECT_THAT(HtmlReport(joined, {}), HasSubstr("60.00 ± 10.00"));
}

// Files may become unreadable between two runs.
TEST_F(ReportTest, ACategoryThatASeedLacksHasNoNumbersOverTheSeeds) {
  PutCategory("nut", 2, 2);
  PutCategory("screw", 2, 2);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();
  std::vector<Evaluation> runs = {*evaluation, *evaluation};
  runs[1].categories.erase(runs[1].categories.begin());

  const SeedSpread spread = SpreadOver(runs);

  ASSERT_EQ(spread.categories.size(), 2U);
  EXPECT_EQ(spread.categories[0].name, "nut");
  EXPECT_FALSE(spread.categories[0].numbers[0][0].has_value());
  EXPECT_TRUE(spread.categories[1].numbers[0][0].has_value());
}

TEST_F(ReportTest, ACategoryOfAnomalousPicturesHasZeroAndSaysSo) {
  PutCategory("nut", 0, 3);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();

  EXPECT_TRUE(evaluation->categories.at(0).reference.image_is_zero);
  EXPECT_FALSE(evaluation->categories.at(0).server.by_score.auroc.has_value());
  EXPECT_THAT(MarkdownReport(*evaluation), HasSubstr("0.00"));
}

TEST_F(ReportTest, ACategoryOfNormalPicturesHasDashes) {
  PutCategory("nut", 3, 0);
  PutCategory("screw", 2, 2);
  const auto evaluation = Evaluate("a");
  ASSERT_TRUE(evaluation.ok()) << evaluation.status();

  EXPECT_FALSE(evaluation->categories.at(0).reference.image_numbers.has_value());
  EXPECT_THAT(MarkdownReport(*evaluation), HasSubstr("| nut | 3 | 0 | – | – | – |"));
}

}  // namespace
}  // namespace bayespfl
