#include "model/evaluation/region_overlap.h"

#include <algorithm>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/verdict/connected_regions.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::Field;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// The sorted pixels of each region of a mask drawn with '#'.
std::vector<std::vector<size_t>> Regions(int width, const std::string& drawing) {
  std::vector<uint8_t> mask;
  for (const char pixel : drawing) mask.push_back(pixel == '#' ? 1 : 0);
  std::vector<std::vector<size_t>> regions;
  VisitRegions(width, static_cast<int>(drawing.size()) / width, absl::MakeSpan(mask),
               [&](absl::Span<const size_t> pixels) {
                 regions.emplace_back(pixels.begin(), pixels.end());
                 std::sort(regions.back().begin(), regions.back().end());
               });
  EXPECT_THAT(mask, Each(0));
  return regions;
}

TEST(VisitRegionsTest, AnEmptyMaskHasNone) { EXPECT_THAT(Regions(3, "......"), IsEmpty()); }

TEST(VisitRegionsTest, DiagonalNeighboursBelongTogether) {
  EXPECT_THAT(Regions(3,
                      "#.#"
                      ".#."
                      "#.#"),
              ElementsAre(ElementsAre(0, 2, 4, 6, 8)));
}

TEST(VisitRegionsTest, AGapSeparates) {
  EXPECT_THAT(Regions(4,
                      "##.#"
                      "...#"),
              ElementsAre(ElementsAre(0, 1), ElementsAre(3, 7)));
}

TEST(VisitRegionsTest, TheBorderDoesNotWrapAround) {
  EXPECT_THAT(Regions(3,
                      "..#"
                      "#.."),
              ElementsAre(ElementsAre(2), ElementsAre(3)));
}

TEST(VisitRegionsTest, BranchesThatMeetBelowAreOneRegion) {
  EXPECT_THAT(Regions(5,
                      "#...#"
                      "#...#"
                      ".###."),
              ElementsAre(ElementsAre(0, 4, 5, 9, 11, 12, 13)));
}

// Pixels outside are skipped eight at a time.
TEST(VisitRegionsTest, OnePixelIsFoundWhereverItLies) {
  constexpr int kWidth = 19;  // no multiple of eight, and neither is the mask's size
  const std::string outside(kWidth * 3, '.');
  for (size_t pixel = 0; pixel < outside.size(); ++pixel) {
    std::string drawing = outside;
    drawing[pixel] = '#';
    EXPECT_THAT(Regions(kWidth, drawing), ElementsAre(ElementsAre(pixel)));
  }
}

TEST(OverlapThresholdsTest, AreTwoHundredFromTheMinimumToBelowTheMaximum) {
  const std::vector<float> thresholds = OverlapThresholds(0.1F, 0.9F);
  ASSERT_THAT(thresholds, SizeIs(200));
  EXPECT_EQ(thresholds.front(), 0.1F);
  EXPECT_FLOAT_EQ(thresholds[100], 0.5F);
  EXPECT_FLOAT_EQ(thresholds.back(), 0.896F);
}

TEST(OverlapThresholdsTest, RoundingLetsOneMoreThroughAsInNumpy) {
  const std::vector<float> thresholds = OverlapThresholds(0.0F, 0.007F);  // len(numpy.arange(0, x, x / 200)) == 201
  ASSERT_THAT(thresholds, SizeIs(201));
  EXPECT_EQ(thresholds.back(), 0.007F);
}

TEST(OverlapThresholdsTest, TheRangeIsRoundedToFloatAsInNumpy) {
  // With the range in double it would be the other way round.
  EXPECT_THAT(OverlapThresholds(0.1F, 0.3F), SizeIs(200));
  EXPECT_THAT(OverlapThresholds(0.1F, 0.65F), SizeIs(201));
}

TEST(OverlapThresholdsTest, AConstantMapHasNone) { EXPECT_THAT(OverlapThresholds(0.5F, 0.5F), IsEmpty()); }

RegionOverlap Measure(const std::vector<float>& map, const std::vector<uint8_t>& mask) {
  const auto [min, max] = std::minmax_element(map.begin(), map.end());
  RegionOverlapAccumulator accumulator(*min, *max);
  accumulator.Add(static_cast<int>(map.size()), 1, map, mask);
  return accumulator.Finish();
}

TEST(RegionOverlapTest, EveryRegionCountsTheSameWhateverItsSize) {
  // Above every threshold from 0.5: all of the region of one pixel, none of the region of three.
  const std::vector<float> map = {1.0F, 0.0F, 0.5F, 0.5F, 0.5F, 0.0F, 0.0F, 0.0F, 0.75F, 0.0F};
  const std::vector<uint8_t> mask = {1, 0, 1, 1, 1, 0, 0, 0, 0, 0};
  const RegionOverlap overlap = Measure(map, mask);
  EXPECT_EQ(overlap.regions, 2);
  EXPECT_THAT(overlap.pro.front(), AllOf(Field(&CurvePoint::x, 0), Field(&CurvePoint::y, 0.5)));
  EXPECT_THAT(overlap.pro.back(), AllOf(Field(&CurvePoint::x, 1.0 / 6), Field(&CurvePoint::y, 1)));
}

TEST(RegionOverlapTest, StretchesTheKeptRatesToTheUnitInterval) {
  // Kept rates: 0 (nothing but the defect) and 1/6 (one normal pixel besides), where half and then all is covered: the
  // trapezoid between them is 3/4 of the stretched square.
  const std::vector<float> map = {1.0F, 0.5F, 0.0F, 0.5F, 0.0F, 0.0F, 0.0F, 0.0F};
  const std::vector<uint8_t> mask = {1, 1, 0, 0, 0, 0, 0, 0};
  EXPECT_DOUBLE_EQ(*Measure(map, mask).aupro, 0.75);
}

TEST(RegionOverlapTest, DropsRatesOfThirtyPercentAndMore) {
  // 3 of 10 normal pixels join at once: only the rate 0 is left, which spans no interval.
  std::vector<float> map(11, 0.0F);
  std::vector<uint8_t> mask(11, 0);
  map[0] = 1.0F;
  mask[0] = 1;
  map[5] = map[6] = map[7] = 0.5F;
  const RegionOverlap overlap = Measure(map, mask);
  EXPECT_EQ(overlap.aupro, std::nullopt);
  EXPECT_THAT(overlap.pro, Each(Field(&CurvePoint::x, 0)));
}

TEST(RegionOverlapTest, IsUndefinedForAConstantMap) { EXPECT_EQ(Measure({0.5F, 0.5F}, {0, 1}).aupro, std::nullopt); }

TEST(RegionOverlapTest, IsUndefinedWithoutARegion) {
  const RegionOverlap overlap = Measure({0.5F, 0.25F}, {0, 0});
  EXPECT_EQ(overlap.aupro, std::nullopt);
  EXPECT_EQ(overlap.regions, 0);
}

TEST(RegionOverlapTest, IsUndefinedWithoutANormalPixel) {
  EXPECT_EQ(Measure({0.5F, 0.25F}, {1, 1}).aupro, std::nullopt);
}

}  // namespace
}  // namespace bayespfl
