#include "model/checkpoint/init.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numbers>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/checkpoint/initial_weights.h"
#include "model/clip/bundled_vocabulary.h"
#include "model/package/model_package.h"
#include "model/package/verify.h"
#include "tests/support/safetensors_fixture.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pointwise;

class InitTest : public ::testing::Test {
 protected:
  absl::Status Init(const std::string& architecture) const {
    return InitModel({.architecture = architecture,
                      .seed = 5,
                      .output_dir = package_,
                      .vocabulary = BundledVocabulary(),
                      .vocabulary_file = std::string(kBundledVocabularyFile)})
        .status();
  }

  const testing::TemporaryFolder folder_;
  const std::string package_ = folder_.File("package");
};

TEST_F(InitTest, UntrainedWeightsHaveTheReferencesSpread) {
  ASSERT_TRUE(Init("tiny").ok());
  const auto weights = testing::LoadSafetensors(package_ + "/bayespfl.safetensors");
  const auto moments = [&](const std::string& name) {
    const std::vector<float>& values = weights.at(name).values;
    double sum = 0;
    double squares = 0;
    for (const float value : values) {
      sum += value;
      squares += static_cast<double>(value) * value;
    }
    const auto count = static_cast<double>(values.size());
    return std::pair(sum / count, std::sqrt(squares / count - sum / count * sum / count));
  };
  EXPECT_NEAR(moments("PFL_normal.amor_u").second, 1, 0.15);
  EXPECT_NEAR(moments("PFL_context.amor_u.weight").second, 0.02, 0.001);
  EXPECT_NEAR(moments("prompt_state_abnormal").first, -0.5, 0.005);
  EXPECT_NEAR(moments("prompt_state_normal").first, 0.5, 0.005);
  EXPECT_EQ(moments("class_mapping.bias").second, 0);
  EXPECT_NEAR(moments("temperature_pixel").first, 2.6593, 1e-4);
}

// Rows of patches in reading order; the class row before them says nothing.
TEST(FillPositionsTest, NeighboursAreAlikeAndEveryPlaceIsAnother) {
  constexpr size_t kWidth = 32;
  std::vector<float> rows((1 + 3 * 3) * kWidth);
  FillPositions(3, absl::MakeSpan(rows));
  const auto product = [&](size_t a, size_t b) {
    return std::inner_product(&rows[a * kWidth], &rows[a * kWidth] + kWidth, &rows[b * kWidth], 0.0);
  };
  EXPECT_EQ(product(0, 0), 0);
  for (size_t place = 1; place <= 9; ++place) EXPECT_NEAR(product(place, place), kWidth / 2, 1e-4);
  EXPECT_NEAR(product(1, 2), product(4, 5), 1e-4);  // beside each other, in two rows
  EXPECT_NEAR(product(1, 2), product(1, 4), 1e-4);  // as far down as to the right
  EXPECT_GT(product(1, 2), product(1, 3));
  EXPECT_LT(product(1, 2), kWidth / 2 - 0.1);
}

// What each of 12 filters says of a patch of 4 x 4 pixels; `pixel`: of a colour (0 to 2), a row and a column.
template <typename Pixel>
std::vector<double> ThroughFilters(Pixel pixel) {
  constexpr int64_t kPatch = 4;
  constexpr int64_t kWidth = 12;
  std::vector<float> filters(kWidth * 3 * kPatch * kPatch);
  FillPatches(kPatch, kWidth, absl::MakeSpan(filters));
  std::vector<double> said(kWidth);
  const float* weight = filters.data();
  for (double& sum : said) {
    for (int64_t colour = 0; colour < 3; ++colour) {
      for (int64_t y = 0; y < kPatch; ++y) {
        for (int64_t x = 0; x < kPatch; ++x) sum += *weight++ * pixel(colour, y, x);
      }
    }
  }
  return said;
}

TEST(FillPatchesTest, FiltersSayBrightnessColoursAndWavesApart) {
  // Eight of brightness, the first of which is the mean; two of red against blue; two of green against both.
  const std::vector<double> grey = ThroughFilters([](int64_t, int64_t, int64_t) { return 0.5; });
  EXPECT_NEAR(grey[0], 0.5, 1e-6);
  for (size_t i = 1; i < grey.size(); ++i) EXPECT_NEAR(grey[i], 0, 1e-6) << i;
  const std::vector<double> red_not_blue =
      ThroughFilters([](int64_t colour, int64_t, int64_t) { return static_cast<double>(1 - colour); });
  const std::vector<double> green =
      ThroughFilters([](int64_t colour, int64_t, int64_t) { return colour == 1 ? 1.0 : -0.5; });
  for (size_t i = 0; i < grey.size(); ++i) {
    EXPECT_NEAR(red_not_blue[i], i == 8 ? 3 : 0, 1e-6) << i;
    EXPECT_NEAR(green[i], i == 10 ? 2.25 : 0, 1e-6) << i;
  }
  // A wave of half a turn across the patch is one filter's; of a whole turn another's, which is twice as large.
  const auto wave = [](int turns) {
    return [turns](int64_t, int64_t, int64_t x) {
      return std::cos(std::numbers::pi * turns * (static_cast<double>(x) + 0.5) / 4);
    };
  };
  const std::vector<double> half = ThroughFilters(wave(1));
  const std::vector<double> whole = ThroughFilters(wave(2));
  const auto loudest = [](const std::vector<double>& said) {
    return std::max_element(said.begin(), said.end()) - said.begin();
  };
  EXPECT_NE(loudest(half), loudest(whole));
  EXPECT_NEAR(*std::ranges::max_element(whole), 2 * *std::ranges::max_element(half), 1e-5);
  EXPECT_EQ(std::ranges::count_if(half, [](double value) { return std::abs(value) > 1e-5; }), 1);
}

TEST_F(InitTest, AModelThatLearnsFromNothingStartsWithStatesThatDiffer) {
  ASSERT_TRUE(Init("compact").ok());
  EXPECT_THAT(VerifyPackage(*ModelPackage::Open(package_)), IsEmpty());
  const auto weights = testing::LoadSafetensors(package_ + "/bayespfl.safetensors");
  const auto deviation = [&](const std::string& name) {
    double squares = 0;
    for (const float value : weights.at(name).values) squares += static_cast<double>(value) * value;
    return std::sqrt(squares / static_cast<double>(weights.at(name).values.size()));
  };
  EXPECT_NEAR(deviation("prompt_state_normal"), 1.5, 0.1);
  EXPECT_NEAR(deviation("prompt_context"), 0.7, 0.05);
  EXPECT_NEAR(deviation("state_encoder.weight_log_variance.module.4.bias"), 3, 1e-6);
  EXPECT_NEAR(deviation("PFL_normal.amor_u"), 0.1, 0.01);
  const auto towers = testing::LoadSafetensors(package_ + "/clip.safetensors");
  const auto positions = towers.at("visual.positional_embedding").values;
  std::vector<float> expected(positions.size());
  FillPositions(10, absl::MakeSpan(expected));
  EXPECT_EQ(positions, expected);
  std::vector<float> filters(size_t{192} * 3 * 12 * 12);
  FillPatches(12, 192, absl::MakeSpan(filters));
  EXPECT_THAT(towers.at("visual.conv1.weight").values, Pointwise(FloatNear(1e-3F), filters));  // the package has fp16
}

// Keys are the queries, values begin near the token's own, and what comes out is taken off it; of pictures alone.
TEST_F(InitTest, AModelThatLearnsFromNothingComparesLikeWithLike) {
  ASSERT_TRUE(Init("compact").ok());
  const auto towers = testing::LoadSafetensors(package_ + "/clip.safetensors");
  const auto queries_are_keys = [](const std::vector<float>& projections) {
    const auto third = static_cast<ptrdiff_t>(projections.size() / 3);
    return std::equal(projections.begin(), projections.begin() + third, projections.begin() + third);
  };
  const auto mean_of_diagonal = [](absl::Span<const float> square) {
    const auto width = static_cast<size_t>(std::lround(std::sqrt(square.size())));
    double sum = 0;
    for (size_t i = 0; i < width; ++i) sum += square[i * (width + 1)];
    return sum / static_cast<double>(width);
  };
  for (const char* block : {"visual.transformer.resblocks.0.attn.", "visual.transformer.resblocks.7.attn."}) {
    const auto& projections = towers.at(absl::StrCat(block, "in_proj_weight")).values;
    EXPECT_TRUE(queries_are_keys(projections)) << block;
    EXPECT_NEAR(mean_of_diagonal(absl::MakeSpan(projections).first(size_t{192} * 192)), 0, 0.03);
    EXPECT_NEAR(mean_of_diagonal(absl::MakeSpan(projections).last(size_t{192} * 192)), 0.6, 0.03);
    EXPECT_NEAR(mean_of_diagonal(towers.at(absl::StrCat(block, "out_proj.weight")).values), -0.6, 0.03);
  }
  EXPECT_FALSE(queries_are_keys(towers.at("transformer.resblocks.0.attn.in_proj_weight").values));
  EXPECT_NEAR(mean_of_diagonal(towers.at("transformer.resblocks.0.attn.out_proj.weight").values), 0, 0.05);
}

TEST_F(InitTest, AnUnknownArchitectureNamesTheKnownOnes) {
  EXPECT_THAT(std::string(Init("resnet").message()), AllOf(HasSubstr("resnet"), HasSubstr("vit-l-14-336")));
}

}  // namespace
}  // namespace bayespfl
