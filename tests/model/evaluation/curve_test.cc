#include "model/evaluation/curve.h"

#include <cmath>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;

std::vector<CurvePoint> ThinDiagonal(int points) {
  CurveThinner thinner;
  for (int i = 0; i < points; ++i) {
    const double x = static_cast<double>(i) / (points - 1);
    thinner.Add({x, x});
  }
  return thinner.Finish();
}

TEST(CurveThinnerTest, NothingStaysNothing) { EXPECT_THAT(CurveThinner().Finish(), IsEmpty()); }

TEST(CurveThinnerTest, KeepsAShortCurveWhole) {
  const std::vector<CurvePoint> curve = ThinDiagonal(CurveThinner::kMaxPoints);
  ASSERT_THAT(curve, SizeIs(CurveThinner::kMaxPoints));
  EXPECT_EQ(curve[100].x, 100.0 / 511);
}

TEST(CurveThinnerTest, ThinsALongCurveButKeepsItsEnds) {
  const std::vector<CurvePoint> curve = ThinDiagonal(1'000'001);
  EXPECT_LE(curve.size(), CurveThinner::kMaxPoints);
  EXPECT_EQ(curve.front().x, 0);
  EXPECT_EQ(curve.back().x, 1);
}

TEST(CurveThinnerTest, LeavesNoLargeGapsInALongCurve) {
  const std::vector<CurvePoint> curve = ThinDiagonal(1'000'001);
  for (size_t i = 1; i < curve.size(); ++i) EXPECT_LT(curve[i].x - curve[i - 1].x, 0.01);
}

TEST(CurveThinnerTest, BoundsACurveThatKeepsJumping) {
  CurveThinner thinner;
  for (int i = 0; i <= 100'000; ++i) thinner.Add({i / 100'000.0, i % 2 == 0 ? 0.0 : 1.0});
  const std::vector<CurvePoint> curve = thinner.Finish();
  EXPECT_LE(curve.size(), CurveThinner::kMaxPoints);
  EXPECT_EQ(curve.back().x, 1);
}

}  // namespace
}  // namespace bayespfl
