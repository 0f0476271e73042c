#include "base/shortest_decimal.h"

#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(ShortestDecimalTest, HasTheDigitsThatTellTheFloatApart) {
  EXPECT_EQ(ShortestDecimal(0.93F), 0.93);
  EXPECT_EQ(ShortestDecimal(0.0F), 0.0);
  EXPECT_EQ(ShortestDecimal(1e-7F), 1e-7);
}

TEST(ShortestDecimalTest, BecomesTheSameFloatAgain) {
  for (const float value : {0.1F, 1.0F / 3.0F, 16777216.0F, 1e-38F}) {
    EXPECT_EQ(static_cast<float>(ShortestDecimal(value)), value);
  }
}

}  // namespace
}  // namespace bayespfl
