#include "model/tools/evaluate.h"

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Refusal(const std::string& text) {
  const absl::Status status = ParseSeeds(text).status();
  EXPECT_TRUE(absl::IsInvalidArgument(status)) << text;
  return std::string(status.message());
}

TEST(ParseSeedsTest, SeveralNumbersAreTheSeeds) {
  EXPECT_THAT(*ParseSeeds("3,14,18446744073709551615"), ElementsAre(3, 14, UINT64_MAX));
}

TEST(ParseSeedsTest, ANumberAloneIsHowMany) { EXPECT_THAT(*ParseSeeds("4"), ElementsAre(0, 1, 2, 3)); }

TEST(ParseSeedsTest, RefusesWhatIsNoSeed) {
  for (const char* text : {"", "a", "1,", "1,-2", "1.5,2", "18446744073709551616,1"}) {
    EXPECT_THAT(Refusal(text), HasSubstr("is no seed")) << text;
  }
}

TEST(ParseSeedsTest, RefusesASeedTwiceAndTooFewOrTooMany) {
  EXPECT_THAT(Refusal("7,7"), HasSubstr("the seed 7 is named twice"));
  EXPECT_THAT(Refusal("1"), HasSubstr("must be 2..100"));
  EXPECT_THAT(Refusal("101"), HasSubstr("must be 2..100"));
}

}  // namespace
}  // namespace bayespfl
