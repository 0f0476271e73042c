#include "base/seed.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(SeedTest, TakesEveryNumberOf64Bits) {
  EXPECT_EQ(CheckSeed("0"), "");
  EXPECT_EQ(CheckSeed("18446744073709551615"), "");
}

TEST(SeedTest, RefusesWhatWouldBecomeAnotherNumber) {
  for (const char* text : {"", "-1", "-0", "+1", " 1", "1 ", "1.5", "1e3", "0x10", "x", "18446744073709551616"}) {
    EXPECT_THAT(CheckSeed(text), ::testing::HasSubstr("no whole number from 0 to 2^64 - 1")) << text;
  }
}

}  // namespace
}  // namespace bayespfl
