#include "model/verdict/regions.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/verdict/contour.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// A map from rows of digits: "9" is 0.9.
PixelMap Map(const std::vector<std::string>& rows) {
  PixelMap map{static_cast<int>(rows.front().size()), static_cast<int>(rows.size()), {}};
  for (const std::string& row : rows) {
    for (const char digit : row) map.values.push_back(static_cast<float>(digit - '0') / 10);
  }
  return map;
}

// Every region with its whole outline, in the map's own pixels.
RegionReport Find(const PixelMap& map, double min_fraction = 0) {
  return FindRegions(map, {.threshold = 0.5F,
                           .min_fraction = min_fraction,
                           .max_regions = kMaxRegions,
                           .max_contour_points = kMaxContourPoints,
                           .frame_width = map.width,
                           .frame_height = map.height});
}

// Of a polygon in pixels; positive when it runs clockwise as seen (y points down).
double SignedArea(const std::vector<Point>& polygon) {
  double twice = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i];
    const Point b = polygon[(i + 1) % polygon.size()];
    twice += double{a.x} * b.y - double{b.x} * a.y;
  }
  return twice / 2;
}

// How often a polygon runs round a point, clockwise as seen.
int Winding(const std::vector<Point>& polygon, double x, double y) {
  int winding = 0;
  for (size_t i = 0; i < polygon.size(); ++i) {
    const Point a = polygon[i];
    const Point b = polygon[(i + 1) % polygon.size()];
    if (a.x != b.x || double{a.x} < x) continue;  // the outline's edges are upright or level
    if (double{a.y} <= y && double{b.y} > y) ++winding;
    if (double{b.y} <= y && double{a.y} > y) --winding;
  }
  return winding;
}

// ---- what a region is ----------------------------------------------------------------------------------------------

TEST(FindRegionsTest, MeasuresARegion) {
  const RegionReport report = Find(Map({"00000",  //
                                        "06700",  //
                                        "08900",  //
                                        "00000"}));
  ASSERT_THAT(report.regions, SizeIs(1));
  const Region& region = report.regions[0];
  EXPECT_EQ(region.box, (Box{1, 1, 2, 2}));
  EXPECT_DOUBLE_EQ(region.area_fraction, 4.0 / 20);
  EXPECT_DOUBLE_EQ(region.area_pixels, 4);
  EXPECT_EQ(region.peak, 0.9F);
  EXPECT_FLOAT_EQ(region.mean, 0.75F);
  EXPECT_EQ(region.centroid, (Point{2, 2}));
  EXPECT_THAT(region.contour, ElementsAre(Point{1, 1}, Point{3, 1}, Point{3, 3}, Point{1, 3}));
  EXPECT_DOUBLE_EQ(report.mask_fraction, 4.0 / 20);
  EXPECT_DOUBLE_EQ(report.largest_fraction, 4.0 / 20);
}

TEST(FindRegionsTest, TellsPlacesInPixelsOfTheFrame) {
  const PixelMap map = Map({"0000",  //
                            "0099"});
  const RegionReport report = FindRegions(
      map, {.max_regions = 1, .frame_width = 8, .frame_height = 3});  // 2 and 1.5 frame pixels to one of the map
  ASSERT_THAT(report.regions, SizeIs(1));
  const Region& region = report.regions[0];
  EXPECT_EQ(region.box, (Box{4, 1.5F, 4, 1.5F}));
  EXPECT_DOUBLE_EQ(region.area_fraction, 0.25);
  EXPECT_DOUBLE_EQ(region.area_pixels, 6);
  EXPECT_EQ(region.centroid, (Point{6, 2.25F}));
  EXPECT_THAT(region.contour, ElementsAre(Point{4, 1.5F}, Point{8, 1.5F}, Point{8, 3}, Point{4, 3}));
}

TEST(FindRegionsTest, AValueThatIsEqualToTheThresholdIsInside) {
  EXPECT_EQ(Find(Map({"45"})).total, 1U);
  EXPECT_EQ(Find(Map({"44"})).total, 0U);
}

TEST(FindRegionsTest, AMapWithoutAMaskHasNothing) {
  const RegionReport report = Find(Map({"000", "000"}));
  EXPECT_EQ(report.mask_fraction, 0);
  EXPECT_EQ(report.largest_fraction, 0);
  EXPECT_EQ(report.total, 0U);
  EXPECT_THAT(report.regions, IsEmpty());
}

TEST(FindRegionsTest, OnePixelIsARegion) {
  const RegionReport report = Find(Map({"000", "009"}));
  ASSERT_THAT(report.regions, SizeIs(1));
  EXPECT_THAT(report.regions[0].contour, ElementsAre(Point{2, 1}, Point{3, 1}, Point{3, 2}, Point{2, 2}));
}

TEST(FindRegionsTest, AMaskThatIsTheWholePictureIsOneRegion) {
  const RegionReport report = Find(Map({"999", "999"}));
  ASSERT_THAT(report.regions, SizeIs(1));
  EXPECT_EQ(report.regions[0].area_fraction, 1);
  EXPECT_THAT(report.regions[0].contour, ElementsAre(Point{0, 0}, Point{3, 0}, Point{3, 2}, Point{0, 2}));
}

TEST(FindRegionsTest, PixelsThatTouchAtACornerAreOneRegionWhoseOutlineComesByTheCornerTwice) {
  const RegionReport report = Find(Map({"90",  //
                                        "09"}));
  ASSERT_THAT(report.regions, SizeIs(1));
  EXPECT_THAT(report.regions[0].contour, ElementsAre(Point{0, 0}, Point{1, 0}, Point{1, 1}, Point{2, 1}, Point{2, 2},
                                                     Point{1, 2}, Point{1, 1}, Point{0, 1}));
}

TEST(FindRegionsTest, HolesAreNotInTheAreaAndNotInTheOutline) {
  const RegionReport report = Find(Map({"999",  //
                                        "909",  //
                                        "999"}));
  ASSERT_THAT(report.regions, SizeIs(1));
  EXPECT_DOUBLE_EQ(report.regions[0].area_pixels, 8);
  EXPECT_THAT(report.regions[0].contour, ElementsAre(Point{0, 0}, Point{3, 0}, Point{3, 3}, Point{0, 3}));
}

TEST(FindRegionsTest, ARegionInAnothersHoleIsARegionOfItsOwn) {
  const RegionReport report = Find(Map({"99999",  //
                                        "90009",  //
                                        "90909",  //
                                        "90009",  //
                                        "99999"}));
  ASSERT_THAT(report.regions, SizeIs(2));
  EXPECT_THAT(report.regions[1].contour, ElementsAre(Point{2, 2}, Point{3, 2}, Point{3, 3}, Point{2, 3}));
}

// ---- which of them -------------------------------------------------------------------------------------------------

TEST(FindRegionsTest, TheLargestComeFirstAndEqualOnesFromTheTopThenFromTheLeft) {
  const RegionReport report = Find(Map({"00909",  //
                                        "00000",  //
                                        "99099",  //
                                        "00009"}));
  ASSERT_THAT(report.regions, SizeIs(4));
  EXPECT_EQ(report.regions[0].box, (Box{3, 2, 2, 2}));
  EXPECT_EQ(report.regions[1].box, (Box{0, 2, 2, 1}));
  EXPECT_EQ(report.regions[2].box, (Box{2, 0, 1, 1}));
  EXPECT_EQ(report.regions[3].box, (Box{4, 0, 1, 1}));
}

TEST(FindRegionsTest, TheNumberToldIsBoundedAndTheTotalIsNot) {
  const PixelMap map = Map({"90909"});
  const RegionReport report = FindRegions(map, {.max_regions = 2, .frame_width = 5, .frame_height = 1});
  EXPECT_THAT(report.regions, SizeIs(2));
  EXPECT_EQ(report.total, 3U);
  EXPECT_EQ(FindRegions(map, {.frame_width = 5, .frame_height = 1}).total, 3U);
}

TEST(FindRegionsTest, SmallRegionsDoNotCountButStayInTheMask) {
  const PixelMap map = Map({"90099", "00099"});
  const RegionReport report = Find(map, 0.4);
  EXPECT_EQ(report.total, 1U);
  EXPECT_DOUBLE_EQ(report.largest_fraction, 0.4);  // equal to the smallest that counts
  EXPECT_DOUBLE_EQ(report.mask_fraction, 0.5);
  EXPECT_EQ(Find(map, 0.41).total, 0U);
  EXPECT_EQ(Find(map, 0.41).largest_fraction, 0);
}

TEST(FindRegionsTest, OutlinesHaveAtMostThePointsAskedFor) {
  std::vector<std::string> comb(7, std::string(41, '9'));
  for (size_t y = 0; y < 6; ++y) {
    for (size_t x = 1; x < 41; x += 2) comb[y][x] = '0';
  }
  const PixelMap map = Map(comb);
  for (const size_t points : {kFewestContourPoints, size_t{9}, kDefaultContourPoints}) {
    const RegionReport report =
        FindRegions(map, {.max_regions = 1, .max_contour_points = points, .frame_width = 41, .frame_height = 7});
    EXPECT_THAT(report.regions[0].contour, SizeIs(points));
  }
}

// ---- outlines enclose their regions' pixels ------------------------------------------------------------------------

// What is not reached from outside over pixels that share an edge and are not of the region: the region and its holes.
std::vector<uint8_t> Filled(const std::vector<uint8_t>& region, int width, int height) {
  std::vector<uint8_t> outside(region.size());
  const auto at = [&](int x, int y) { return static_cast<size_t>(y * width + x); };
  bool grew = true;
  while (grew) {
    grew = false;
    for (int y = 0; y < height; ++y) {
      for (int x = 0; x < width; ++x) {
        if (outside[at(x, y)] != 0 || region[at(x, y)] != 0) continue;
        const bool reached = x == 0 || y == 0 || x == width - 1 || y == height - 1 || outside[at(x - 1, y)] != 0 ||
                             outside[at(x + 1, y)] != 0 || outside[at(x, y - 1)] != 0 || outside[at(x, y + 1)] != 0;
        if (!reached) continue;
        outside[at(x, y)] = 1;
        grew = true;
      }
    }
  }
  for (uint8_t& value : outside) value = value == 0 ? 1 : 0;
  return outside;
}

// The region's pixels by growing from the first corner of its outline, over edges and corners.
std::vector<uint8_t> PixelsOf(const Region& region, const PixelMap& map) {
  std::vector<uint8_t> inside(map.values.size());
  const Point start = region.contour.front();
  inside[static_cast<size_t>(start.y) * static_cast<size_t>(map.width) + static_cast<size_t>(start.x)] = 1;
  bool grew = true;
  while (grew) {
    grew = false;
    for (int y = 0; y < map.height; ++y) {
      for (int x = 0; x < map.width; ++x) {
        const auto index = static_cast<size_t>(y * map.width + x);
        if (inside[index] != 0 || map.values[index] < 0.5F) continue;
        for (int near_y = std::max(0, y - 1); near_y <= std::min(map.height - 1, y + 1); ++near_y) {
          for (int near_x = std::max(0, x - 1); near_x <= std::min(map.width - 1, x + 1); ++near_x) {
            if (inside[static_cast<size_t>(near_y * map.width + near_x)] == 0) continue;
            inside[index] = 1;
            grew = true;
          }
        }
      }
    }
  }
  return inside;
}

void ExpectOutlineEnclosesTheRegion(const Region& region, const PixelMap& map) {
  const std::vector<uint8_t> pixels = PixelsOf(region, map);
  const auto count = static_cast<double>(std::count(pixels.begin(), pixels.end(), 1));
  EXPECT_DOUBLE_EQ(region.area_pixels, count);
  const std::vector<uint8_t> filled = Filled(pixels, map.width, map.height);
  EXPECT_DOUBLE_EQ(SignedArea(region.contour), static_cast<double>(std::count(filled.begin(), filled.end(), 1)));
  for (int y = 0; y < map.height; ++y) {
    for (int x = 0; x < map.width; ++x) {
      const int inside = filled[static_cast<size_t>(y * map.width + x)];
      ASSERT_EQ(Winding(region.contour, x + 0.5, y + 0.5), inside) << "pixel " << x << ", " << y;
    }
  }
}

TEST(OutlineTest, EnclosesExactlyThePixelsOfRandomRegionsAndTheirHoles) {
  std::mt19937 generator(3);
  size_t regions = 0;
  for (int trial = 0; trial < 500; ++trial) {
    PixelMap map{1 + static_cast<int>(generator() % 12), 1 + static_cast<int>(generator() % 12), {}};
    map.values.resize(static_cast<size_t>(map.width * map.height));
    const uint64_t share = 2 + generator() % 7;  // of ten pixels are inside
    for (float& value : map.values) value = generator() % 10 < share ? 0.9F : 0.1F;
    const RegionReport report = Find(map);
    regions += report.regions.size();
    for (const Region& region : report.regions) ExpectOutlineEnclosesTheRegion(region, map);
    if (HasFatalFailure()) return;
  }
  EXPECT_GT(regions, 1000U);
}

TEST(SimplifyOutlineTest, LeavesFewCornersAsTheyAre) {
  const std::vector<Corner> square = {{0, 0}, {4, 0}, {4, 4}, {0, 4}};
  EXPECT_EQ(SimplifyOutline(square, 4), square);
  EXPECT_EQ(SimplifyOutline(square, 100), square);
}

TEST(SimplifyOutlineTest, TheSmallestFeaturesGoFirst) {
  // A square of 100 with a step of one pixel in its upper edge.
  const std::vector<Corner> outline = {{0, 0}, {50, 0}, {50, 1}, {100, 1}, {100, 100}, {0, 100}};
  EXPECT_THAT(SimplifyOutline(outline, 4), ElementsAre(Corner{0, 0}, Corner{100, 1}, Corner{100, 100}, Corner{0, 100}));
}

TEST(SimplifyOutlineTest, KeepsTheNumberAskedForInTheirOrder) {
  std::vector<Corner> stairs;
  for (int i = 0; i < 200; ++i) {
    stairs.push_back({i, -i});
    stairs.push_back({i + 1, -i});
  }
  stairs.push_back({200, 1});
  stairs.push_back({0, 1});
  for (size_t points = 3; points < stairs.size(); points += 7) {
    const std::vector<Corner> simple = SimplifyOutline(stairs, points);
    EXPECT_THAT(simple, SizeIs(points));
    auto from = stairs.begin();
    for (const Corner corner : simple) {
      from = std::find(from, stairs.end(), corner);
      ASSERT_NE(from, stairs.end());
      ++from;
    }
  }
}

}  // namespace
}  // namespace bayespfl
