#include "base/number_range.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(NumberRangeTest, TakesTheRangeAndItsEnds) {
  for (const char* text : {"0", "1", "0.5", "5e-1", "1e-3", "1.0"}) EXPECT_EQ(CheckNumber(text, 0, 1), "") << text;
}

TEST(NumberRangeTest, RefusesWhatIsOutsideOrNoNumber) {
  for (const char* text : {"-0.001", "1.001", "1e400", "-inf", "inf", "nan", "NaN", "-nan", "", "x", "0.5x", "0,5"}) {
    EXPECT_THAT(CheckNumber(text, 0, 1), ::testing::HasSubstr("is no number from 0 to 1")) << text;
  }
}

}  // namespace
}  // namespace bayespfl
