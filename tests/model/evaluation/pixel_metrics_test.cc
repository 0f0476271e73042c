#include "model/evaluation/pixel_metrics.h"

#include <algorithm>
#include <functional>
#include <limits>
#include <random>
#include <set>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

struct Picture {
  PixelMap map;
  std::vector<uint8_t> mask;
};

PixelMetrics Measure(const std::vector<Picture>& pictures, const PixelMetricsOptions& options = {}) {
  auto accumulator = PixelMetricsAccumulator::Create(::testing::TempDir(), options);
  EXPECT_TRUE(accumulator.ok()) << accumulator.status();
  for (const Picture& picture : pictures) {
    const absl::Status added = (*accumulator)->Add(picture.map, picture.mask);
    EXPECT_TRUE(added.ok()) << added;
  }
  const auto metrics = (*accumulator)->Finish();
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  return *metrics;
}

// One picture of one row.
PixelMetrics MeasureRow(const std::vector<float>& values, const std::vector<uint8_t>& mask) {
  std::vector<Picture> pictures(1);
  pictures[0].map = {static_cast<int>(values.size()), 1, values};
  pictures[0].mask = mask;
  return Measure(pictures);
}

// About 90 different scores from 0 over 1e-30 to 1e3: many ties, and dozens of score blocks.
std::vector<float> Scores() {
  std::vector<float> scores = {0.0F, 1e-30F, 1e-10F, 3.5F, 1e3F};
  for (int i = 0; i < 85; ++i) scores.push_back(0.001F + 0.011F * static_cast<float>(i));
  std::sort(scores.begin(), scores.end());
  return scores;
}

// Rectangles as defects, some of which touch, and scores that tend to be higher there.
Picture DrawPicture(int width, int height, int defects, std::mt19937& random) {
  const auto pixels = static_cast<size_t>(width) * static_cast<size_t>(height);
  Picture picture{{width, height, std::vector<float>(pixels)}, std::vector<uint8_t>(pixels, 0)};
  const auto below = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  for (int i = 0; i < defects; ++i) {
    const int left = below(width);
    const int top = below(height);
    for (int y = top; y < std::min(height, top + 1 + below(20)); ++y) {
      for (int x = left; x < std::min(width, left + 1 + below(20)); ++x) {
        picture.mask[static_cast<size_t>(y) * static_cast<size_t>(width) + static_cast<size_t>(x)] = 1;
      }
    }
  }
  const std::vector<float> scores = Scores();
  for (size_t i = 0; i < pixels; ++i) {
    const size_t a = random() % scores.size();
    const size_t b = random() % scores.size();
    picture.map.values[i] = scores[picture.mask[i] != 0 ? std::max(a, b) : std::min(a, b)];
  }
  return picture;
}

// 356,000 pixels, one picture without a defect.
std::vector<Picture> DrawPictures() {
  std::mt19937 random(7);
  std::vector<Picture> pictures;
  pictures.push_back(DrawPicture(317, 211, 9, random));
  pictures.push_back(DrawPicture(200, 500, 0, random));
  pictures.push_back(DrawPicture(401, 299, 25, random));
  pictures.push_back(DrawPicture(1000, 69, 3, random));
  return pictures;
}

// The definitions, taken literally, without any of the library's code.
struct BruteForce {
  std::vector<float> values;
  std::vector<uint8_t> labels;
  double positives = 0;
  double negatives = 0;

  explicit BruteForce(const std::vector<Picture>& pictures) {
    for (const Picture& picture : pictures) {
      values.insert(values.end(), picture.map.values.begin(), picture.map.values.end());
      labels.insert(labels.end(), picture.mask.begin(), picture.mask.end());
    }
    positives = static_cast<double>(std::count(labels.begin(), labels.end(), 1));
    negatives = static_cast<double>(labels.size()) - positives;
  }

  // Pixels of a class that a threshold calls anomalous.
  template <typename Compare>
  double Count(uint8_t label, float threshold, Compare compare) const {
    double count = 0;
    for (size_t i = 0; i < values.size(); ++i) count += labels[i] == label && compare(values[i], threshold) ? 1 : 0;
    return count;
  }

  RankingMetrics Rank() const {
    RankingMetrics metrics;
    metrics.auroc = 0;
    metrics.average_precision = 0;
    metrics.f1_max = 0;
    double last_recall = 0;
    double last_rate = 0;
    for (const float threshold : std::set<float, std::greater<>>(values.begin(), values.end())) {
      const double tp = Count(1, threshold, std::greater_equal<>());
      const double fp = Count(0, threshold, std::greater_equal<>());
      const double precision = tp / (tp + fp);
      const double recall = tp / positives;
      const double rate = fp / negatives;
      *metrics.auroc += (rate - last_rate) * (recall + last_recall) / 2;
      *metrics.average_precision += (recall - last_recall) * precision;
      const double f1 = 2 * precision * recall / (precision + recall + 1e-8);
      if (f1 >= *metrics.f1_max) {
        metrics.f1_max = f1;
        metrics.f1_threshold = threshold;
      }
      last_recall = recall;
      last_rate = rate;
    }
    return metrics;
  }

  double Iou(float threshold) const {
    const double tp = Count(1, threshold, std::greater<>());
    return tp / (positives + Count(0, threshold, std::greater<>()));
  }
};

// Labels by spreading the smallest pixel number of a region until nothing changes; 0: no region.
std::vector<size_t> LabelRegions(const Picture& picture) {
  const int width = picture.map.width;
  const int height = picture.map.height;
  std::vector<size_t> labels(picture.mask.size(), 0);
  for (size_t i = 0; i < labels.size(); ++i) labels[i] = picture.mask[i] != 0 ? i + 1 : 0;
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (labels[i] == 0) continue;
      const int x = static_cast<int>(i) % width;
      const int y = static_cast<int>(i) / width;
      for (int v = std::max(0, y - 1); v <= std::min(height - 1, y + 1); ++v) {
        for (int u = std::max(0, x - 1); u <= std::min(width - 1, x + 1); ++u) {
          const size_t other = labels[static_cast<size_t>(v) * static_cast<size_t>(width) + static_cast<size_t>(u)];
          if (other == 0 || other >= labels[i]) continue;
          labels[i] = other;
          changed = true;
        }
      }
    }
  }
  return labels;
}

struct BruteOverlap {
  double aupro = 0;
  int64_t regions = 0;
};

BruteOverlap MeasureOverlap(const std::vector<Picture>& pictures, const BruteForce& pixels) {
  std::vector<std::vector<float>> regions;  // values
  for (const Picture& picture : pictures) {
    const std::vector<size_t> labels = LabelRegions(picture);
    for (const size_t label : std::set<size_t>(labels.begin(), labels.end())) {
      if (label == 0) continue;
      regions.emplace_back();
      for (size_t i = 0; i < labels.size(); ++i) {
        if (labels[i] == label) regions.back().push_back(picture.map.values[i]);
      }
    }
  }
  const auto [min, max] = std::minmax_element(pixels.values.begin(), pixels.values.end());
  std::vector<CurvePoint> points;
  for (int j = 0; j < 200; ++j) {
    const auto threshold = static_cast<float>(*min + j * (double{*max} - double{*min}) / 200);
    const double rate = pixels.Count(0, threshold, std::greater<>()) / pixels.negatives;
    if (rate >= 0.3) continue;
    double covered = 0;
    for (const std::vector<float>& region : regions) {
      const auto above = std::count_if(region.begin(), region.end(), [&](float value) { return value > threshold; });
      covered += static_cast<double>(above) / static_cast<double>(region.size());
    }
    points.push_back({rate, covered / static_cast<double>(regions.size())});
  }
  BruteOverlap overlap;
  overlap.regions = static_cast<int64_t>(regions.size());
  for (size_t i = 1; i < points.size(); ++i) {
    overlap.aupro += (points[i - 1].x - points[i].x) * (points[i - 1].y + points[i].y) / 2;
  }
  overlap.aupro /= points.front().x - points.back().x;
  return overlap;
}

class PixelMetricsBruteForceTest : public ::testing::TestWithParam<int64_t> {};

TEST_P(PixelMetricsBruteForceTest, RanksAsTheDefinitionsSay) {
  const std::vector<Picture> pictures = DrawPictures();
  const BruteForce brute(pictures);
  const RankingMetrics expected = brute.Rank();

  const PixelMetrics metrics = Measure(pictures, {.scores_per_pass = GetParam()});

  EXPECT_EQ(metrics.pixels, static_cast<int64_t>(brute.values.size()));
  EXPECT_EQ(metrics.positive_pixels, static_cast<int64_t>(brute.positives));
  EXPECT_NEAR(*metrics.ranking.auroc, *expected.auroc, 1e-12);
  EXPECT_NEAR(*metrics.ranking.average_precision, *expected.average_precision, 1e-12);
  EXPECT_NEAR(*metrics.ranking.f1_max, *expected.f1_max, 1e-12);
  EXPECT_EQ(metrics.ranking.f1_threshold, expected.f1_threshold);
  EXPECT_NEAR(*metrics.iou, brute.Iou(static_cast<float>(expected.f1_threshold)), 1e-12);
}

// From one block a pass, so that nearly every score needs a pass of its own, to the default.
INSTANTIATE_TEST_SUITE_P(ScoresPerPass, PixelMetricsBruteForceTest,
                         ::testing::Values(PixelMetricsAccumulator::kScoreBlock,
                                           5 * PixelMetricsAccumulator::kScoreBlock,
                                           PixelMetricsOptions().scores_per_pass));

// Without the few scores far above, which would leave next to no threshold among the others.
std::vector<Picture> DrawPicturesUpToOne() {
  std::vector<Picture> pictures = DrawPictures();
  for (Picture& picture : pictures) {
    for (float& value : picture.map.values) value = std::min(value, 1.0F);
  }
  return pictures;
}

TEST(PixelMetricsTest, MeasuresRegionOverlapAsTheDefinitionSays) {
  const std::vector<Picture> pictures = DrawPicturesUpToOne();
  const BruteOverlap expected = MeasureOverlap(pictures, BruteForce(pictures));

  const PixelMetrics metrics = Measure(pictures);

  EXPECT_EQ(metrics.pictures, 4);
  EXPECT_EQ(metrics.regions, expected.regions);
  EXPECT_NEAR(*metrics.aupro, expected.aupro, 1e-12);
}

TEST(PixelMetricsTest, WithoutTheOverlapTheRanksAreTheSame) {
  const std::vector<Picture> pictures = DrawPicturesUpToOne();
  const PixelMetrics with = Measure(pictures);
  const PixelMetrics without = Measure(pictures, {.overlap = false});
  EXPECT_EQ(without.ranking.average_precision, with.ranking.average_precision);
  EXPECT_TRUE(with.aupro.has_value());
  EXPECT_FALSE(without.aupro.has_value());
}

TEST(PixelMetricsTest, TreatsMinusZeroAsZero) {
  const PixelMetrics metrics = MeasureRow({-0.0F, 0.0F, 0.0F, 1.0F}, {1, 0, 0, 1});
  EXPECT_DOUBLE_EQ(*metrics.ranking.auroc, 0.75);
}

TEST(PixelMetricsTest, AConstantMapHasNoOverlapWithItself) {
  const PixelMetrics metrics = MeasureRow({0.5F, 0.5F, 0.5F, 0.5F}, {1, 0, 0, 1});
  EXPECT_DOUBLE_EQ(*metrics.ranking.auroc, 0.5);
  EXPECT_EQ(metrics.ranking.f1_threshold, 0.5);
  EXPECT_EQ(metrics.iou, 0.0);
  EXPECT_EQ(metrics.aupro, std::nullopt);
}

TEST(PixelMetricsTest, WithoutADefectNothingIsDefined) {
  const PixelMetrics metrics = MeasureRow({0.25F, 0.5F}, {0, 0});
  EXPECT_EQ(metrics.ranking.auroc, std::nullopt);
  EXPECT_EQ(metrics.ranking.average_precision, std::nullopt);
  EXPECT_EQ(metrics.iou, std::nullopt);
  EXPECT_EQ(metrics.aupro, std::nullopt);
}

class PixelMetricsInputTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto accumulator = PixelMetricsAccumulator::Create(::testing::TempDir());
    ASSERT_TRUE(accumulator.ok()) << accumulator.status();
    accumulator_ = *std::move(accumulator);
  }

  void ExpectRejected(const PixelMap& map, const std::vector<uint8_t>& mask, const std::string& message) {
    const absl::Status status = accumulator_->Add(map, mask);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(status.message(), HasSubstr(message));
  }

  std::unique_ptr<PixelMetricsAccumulator> accumulator_;
};

TEST_F(PixelMetricsInputTest, RejectsNanAndNamesThePixel) {
  ExpectRejected({2, 2, {0, 0, std::numeric_limits<float>::quiet_NaN(), 0}}, {0, 0, 0, 0}, "nan at column 0, row 1");
}

TEST_F(PixelMetricsInputTest, RejectsInfinity) {
  ExpectRejected({1, 1, {std::numeric_limits<float>::infinity()}}, {0}, "inf at column 0, row 0");
}

TEST_F(PixelMetricsInputTest, RejectsANegativeScore) {
  ExpectRejected({2, 1, {0, -0.5F}}, {0, 0}, "-0.5 at column 1, row 0");
}

TEST_F(PixelMetricsInputTest, RejectsAMaskOfAnotherSize) {
  ExpectRejected({2, 1, {0, 0}}, {0}, "a mask of 1 pixels for an anomaly map of 2x1");
}

TEST_F(PixelMetricsInputTest, RejectsAMaskOf255) {
  ExpectRejected({2, 1, {0, 0}}, {0, 255}, "the mask is 255 at column 1, row 0");
}

TEST_F(PixelMetricsInputTest, RejectsAMapThatContradictsItsSize) {
  ExpectRejected({3, 1, {0, 0}}, {0, 0}, "3x1 with 2 values");
}

TEST_F(PixelMetricsInputTest, RejectsAnEmptyMap) { ExpectRejected({0, 0, {}}, {}, "0x0"); }

TEST_F(PixelMetricsInputTest, ARejectedPictureDoesNotCount) {
  ASSERT_TRUE(accumulator_->Add({2, 1, {0.25F, 0.5F}}, {0, 1}).ok());
  ASSERT_FALSE(accumulator_->Add({2, 1, {0.75F, -1.0F}}, {0, 1}).ok());
  const auto metrics = accumulator_->Finish();
  ASSERT_TRUE(metrics.ok()) << metrics.status();
  EXPECT_EQ(metrics->pictures, 1);
  EXPECT_EQ(metrics->pixels, 2);
}

TEST_F(PixelMetricsInputTest, RefusesToMeasureNoPictures) {
  EXPECT_EQ(accumulator_->Finish().status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(PixelMetricsCreateTest, RejectsAFolderThatIsNotThere) {
  const absl::Status status = PixelMetricsAccumulator::Create(::testing::TempDir() + "/no_such_folder").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr("no_such_folder"));
}

TEST(PixelMetricsCreateTest, RejectsAPassThatIsNoWholeNumberOfBlocks) {
  for (const int64_t scores : {int64_t{0}, int64_t{-32768}, PixelMetricsAccumulator::kScoreBlock + 1,
                               2 * PixelMetricsAccumulator::kMaxScoresPerPass}) {
    EXPECT_EQ(PixelMetricsAccumulator::Create(::testing::TempDir(), {.scores_per_pass = scores}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << scores;
  }
}

}  // namespace
}  // namespace bayespfl
