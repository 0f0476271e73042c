// Every number of metrics.json and every tensor of metrics.safetensors, which the reference's own functions computed
// (numpy 1.26.3, scipy 1.12.0, scikit-learn 1.4.0, scikit-image 0.22.0). A number or a tensor that no check touches
// fails the test of its set.

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/pixel_metrics.h"
#include "model/evaluation/ranking_metrics.h"
#include "model/evaluation/reference_scores.h"
#include "nlohmann/json.hpp"
#include "tests/support/paths.h"
#include "tests/support/safetensors_fixture.h"

namespace bayespfl {
namespace {

using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

constexpr double kTolerance = 1e-6;
constexpr double kAuproTolerance = 1e-4;
// The reference sums the top-k pixels in float, in the order in which numpy's selection leaves them; TopKMean sums in
// double. The two differ by one float rounding (6e-8), which the min-max scaling divides by the spread of the means
// (0.02 in one set). Another numpy version moves the reference's own values as much.
constexpr double kOwnTopKTolerance = 2e-6;

nlohmann::json LoadSets() {
  const std::vector<uint8_t> bytes = testing::ReadFileBytes(testing::TestData("metrics.json"));
  return nlohmann::json::parse(bytes.begin(), bytes.end()).at("sets");
}

std::vector<std::string> SetNames() {
  std::vector<std::string> names;
  const nlohmann::json sets = LoadSets();
  for (const auto& [name, set] : sets.items()) names.push_back(name);
  return names;
}

// One set's numbers and tensors, and which of them nobody has asked for yet. A path is "pieces/pixel_ap".
class Golden {
 public:
  explicit Golden(const std::string& set) : set_(LoadSets().at(set)) {
    const nlohmann::json flat = set_.flatten();
    for (const auto& [path, value] : flat.items()) numbers_.insert(path.substr(1));
    const std::string prefix = set + "/";
    for (auto& [name, tensor] : testing::LoadSafetensors(testing::TestData("metrics.safetensors"))) {
      if (name.starts_with(prefix)) tensors_[name.substr(prefix.size())] = tensor;
    }
    for (const auto& [name, tensor] : tensors_) unread_tensors_.insert(name);
  }

  nlohmann::json Read(const std::string& path) {
    numbers_.erase(path);
    return set_.at(nlohmann::json::json_pointer("/" + path));
  }

  // Whether the reference stopped where it would have written the value or the group of values at `path`.
  bool Failed(const std::string& path) {
    numbers_.erase(path + "_error");
    return set_.contains(nlohmann::json::json_pointer("/" + path + "_error"));
  }

  // Compares with a number that is absent here wherever the reference stops or says "nan".
  void Expect(const std::string& path, std::optional<double> actual, double tolerance = kTolerance) {
    if (Failed(path)) {
      EXPECT_FALSE(actual.has_value()) << path << " is " << *actual;
      return;
    }
    const nlohmann::json expected = Read(path);
    if (expected == "nan") {
      EXPECT_FALSE(actual.has_value()) << path << " is " << *actual;
      return;
    }
    ASSERT_TRUE(actual.has_value()) << path;
    EXPECT_NEAR(*actual, expected.get<double>(), tolerance) << path;
  }

  const testing::FixtureTensor& Tensor(const std::string& name) {
    unread_tensors_.erase(name);
    return tensors_.at(name);
  }

  void ExpectTensor(const std::string& name, const std::vector<double>& actual, double tolerance = kTolerance) {
    const testing::FixtureTensor& expected = Tensor(name);
    ASSERT_EQ(actual.size(), expected.values.size()) << name;
    for (size_t i = 0; i < actual.size(); ++i) {
      ASSERT_NEAR(actual[i], expected.values[i], tolerance) << name << " at " << i;
    }
  }

  const std::set<std::string>& untested_numbers() const { return numbers_; }
  const std::set<std::string>& untested_tensors() const { return unread_tensors_; }

 private:
  nlohmann::json set_;
  std::set<std::string> numbers_;
  std::map<std::string, testing::FixtureTensor> tensors_;
  std::set<std::string> unread_tensors_;
};

// One data set, and everything computed from it.
struct Category {
  std::vector<PixelMap> maps;
  std::vector<PixelMap> smoothed;
  std::vector<std::vector<uint8_t>> masks;
  std::vector<uint8_t> labels;
  std::vector<double> text_scores;
  std::vector<double> topk_means;
};

template <typename Value>
std::vector<Value> Slice(const std::vector<float>& values, size_t index, size_t size) {
  return std::vector<Value>(values.begin() + static_cast<ptrdiff_t>(index * size),
                            values.begin() + static_cast<ptrdiff_t>((index + 1) * size));
}

Category ReadCategory(Golden& golden) {
  Category category;
  const testing::FixtureTensor& maps = golden.Tensor("maps");  // [N, height, width]
  const testing::FixtureTensor& masks = golden.Tensor("masks");
  const auto pixels = static_cast<size_t>(maps.shape.at(1) * maps.shape.at(2));
  for (size_t i = 0; i < static_cast<size_t>(maps.shape.at(0)); ++i) {
    category.maps.push_back(
        {static_cast<int>(maps.shape.at(2)), static_cast<int>(maps.shape.at(1)), Slice<float>(maps.values, i, pixels)});
    category.masks.push_back(Slice<uint8_t>(masks.values, i, pixels));
  }
  const testing::FixtureTensor& labels = golden.Tensor("labels");
  category.labels = Slice<uint8_t>(labels.values, 0, labels.values.size());
  const testing::FixtureTensor& text_scores = golden.Tensor("text_score");
  category.text_scores = Slice<double>(text_scores.values, 0, text_scores.values.size());
  return category;
}

void ExpectSettings(Golden& golden, Category& category) {
  const int64_t k = ReferenceTopK(golden.Read("object").get<std::string>());
  EXPECT_EQ(k, golden.Read("top_k").get<int64_t>());
  EXPECT_EQ(kReferenceSigma, golden.Read("sigma").get<double>());
  EXPECT_EQ(golden.Read("alpha").get<double>(), 0.5);  // the weights that FinalImageScores fixes
  for (size_t i = 0; i < category.labels.size(); ++i) {
    EXPECT_EQ(category.labels[i], golden.Read(absl::StrCat("labels/", i)).get<int>());
  }
}

void ExpectScores(Golden& golden, Category& category) {
  std::vector<double> smoothed_values;
  for (const PixelMap& map : category.maps) {
    const auto mean = TopKMean(map, golden.Read("top_k").get<int64_t>());
    ASSERT_TRUE(mean.ok()) << mean.status();
    category.topk_means.push_back(*mean);
    category.smoothed.push_back(SmoothMap(map, kReferenceSigma));
    smoothed_values.insert(smoothed_values.end(), category.smoothed.back().values.begin(),
                           category.smoothed.back().values.end());
  }
  golden.ExpectTensor("topk_mean", category.topk_means);
  golden.ExpectTensor("maps_smoothed", smoothed_values);
  const std::vector<float>& means = golden.Tensor("topk_mean").values;
  golden.ExpectTensor("final_image_score",
                      FinalImageScores(category.text_scores, Slice<double>(means, 0, means.size())));
  golden.ExpectTensor("final_image_score", FinalImageScores(category.text_scores, category.topk_means),
                      kOwnTopKTolerance);
}

PixelMetrics MeasurePixels(const std::vector<PixelMap>& maps, const std::vector<std::vector<uint8_t>>& masks) {
  auto accumulator = PixelMetricsAccumulator::Create(::testing::TempDir());
  EXPECT_TRUE(accumulator.ok()) << accumulator.status();
  for (size_t i = 0; i < maps.size(); ++i) {
    const absl::Status added = (*accumulator)->Add(maps[i], masks[i]);
    EXPECT_TRUE(added.ok()) << added;
  }
  const auto metrics = (*accumulator)->Finish();
  EXPECT_TRUE(metrics.ok()) << metrics.status();
  return *metrics;
}

void ExpectTable(Golden& golden, const PixelMetrics& pixels, const RankingMetrics& image) {
  const auto table = ReferenceImageTable(image);
  if (golden.Failed("pixel_and_image")) {
    EXPECT_FALSE(pixels.ranking.auroc.has_value());
    EXPECT_FALSE(table.has_value());
    return;
  }
  golden.Expect("pixel_and_image/pixel_auroc", pixels.ranking.auroc);
  golden.Expect("pixel_and_image/pixel_ap", pixels.ranking.average_precision);
  golden.Expect("pixel_and_image/pixel_f1_max", pixels.ranking.f1_max);
  golden.Expect("pixel_and_image/pixel_best_threshold", pixels.ranking.f1_threshold);
  golden.Expect("pixel_and_image/pixel_iou", pixels.iou);
  ASSERT_TRUE(table.has_value());
  golden.Expect("pixel_and_image/image_auroc", table->auroc);
  golden.Expect("pixel_and_image/image_ap", table->average_precision);
  golden.Expect("pixel_and_image/image_f1_max", table->f1_max);
  // The reference's placeholders: it never fills these columns.
  EXPECT_EQ(golden.Read("pixel_and_image/aupro_in_table").get<double>(), 0);
  EXPECT_EQ(golden.Read("pixel_and_image/image_aupro_in_table").get<double>(), 0);
}

void ExpectClassificationOnly(Golden& golden, const Category& category) {
  const RankingMetrics image = RankScores(MinMax(category.text_scores), category.labels, kClassificationOnlyF1Epsilon);
  if (golden.Failed("image_only_dataset")) {
    EXPECT_FALSE(image.auroc.has_value());
    return;
  }
  golden.Expect("image_only_dataset/image_auroc", image.auroc);
  golden.Expect("image_only_dataset/image_ap", image.average_precision);
  golden.Expect("image_only_dataset/image_f1_max", image.f1_max);
}

// scikit-learn calls an average precision without positives (minus) 0; here it is absent.
void ExpectAveragePrecision(Golden& golden, const std::string& path, std::optional<double> actual, bool any_positive) {
  EXPECT_EQ(actual.has_value(), any_positive) << path;
  golden.Expect(path, actual.value_or(0));
}

void ExpectPieces(Golden& golden, const PixelMetrics& pixels, const RankingMetrics& image, const Category& category) {
  golden.Expect("pieces/pixel_auroc", pixels.ranking.auroc);
  ExpectAveragePrecision(golden, "pieces/pixel_ap", pixels.ranking.average_precision, pixels.positive_pixels > 0);
  golden.Expect("pieces/image_auroc", image.auroc);
  const bool any_anomalous = std::find(category.labels.begin(), category.labels.end(), 1) != category.labels.end();
  ExpectAveragePrecision(golden, "pieces/image_ap", image.average_precision, any_anomalous);
}

class MetricsParityTest : public ::testing::TestWithParam<std::string> {};

TEST_P(MetricsParityTest, EveryNumberAndTensorOfTheSetIsReproduced) {
  Golden golden(GetParam());
  Category category = ReadCategory(golden);

  ExpectSettings(golden, category);
  ExpectScores(golden, category);
  const PixelMetrics smoothed = MeasurePixels(category.smoothed, category.masks);
  const RankingMetrics image =
      RankScores(FinalImageScores(category.text_scores, category.topk_means), category.labels, kImageF1Epsilon);
  ExpectTable(golden, smoothed, image);
  ExpectClassificationOnly(golden, category);
  ExpectPieces(golden, smoothed, image, category);
  golden.Expect("aupro_smoothed", smoothed.aupro, kAuproTolerance);
  golden.Expect("aupro_raw", MeasurePixels(category.maps, category.masks).aupro, kAuproTolerance);

  EXPECT_THAT(golden.untested_numbers(), IsEmpty());
  EXPECT_THAT(golden.untested_tensors(), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Sets, MetricsParityTest, ::testing::ValuesIn(SetNames()),
                         [](const auto& param) { return param.param; });

TEST(MetricsParityFixtureTest, HoldsTheSixSetsAndNoTensorsOfOthers) {
  std::set<std::string> sets_with_tensors;
  for (const auto& [name, tensor] : testing::LoadSafetensors(testing::TestData("metrics.safetensors"))) {
    sets_with_tensors.insert(name.substr(0, name.find('/')));
  }

  EXPECT_THAT(SetNames(),
              UnorderedElementsAre("random", "ties", "all_anomalous", "all_normal", "constant_map", "small_regions"));
  EXPECT_THAT(sets_with_tensors, ::testing::UnorderedElementsAreArray(SetNames()));
}

}  // namespace
}  // namespace bayespfl
