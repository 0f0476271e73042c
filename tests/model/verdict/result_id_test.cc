#include "model/verdict/result_id.h"

#include <cstdint>
#include <limits>
#include <set>
#include <string>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::MatchesRegex;

// The instant of the example in RFC 9562, appendix A.6.
const absl::Time kExample = absl::FromUnixMillis(0x017F22E279B0);

TEST(ResultIdTest, HoldsTheMillisecondsVersionVariantAndRandomBits) {
  EXPECT_EQ(ResultId(kExample, 0x18C4'DC0C'0C07'398FU), "017f22e2-79b0-7000-98c4-dc0c0c07398f");
}

TEST(ResultIdTest, TheTopTwoRandomBitsGiveWayToTheVariant) {
  EXPECT_EQ(ResultId(kExample, 0), "017f22e2-79b0-7000-8000-000000000000");
  EXPECT_EQ(ResultId(kExample, std::numeric_limits<uint64_t>::max()), "017f22e2-79b0-7000-bfff-ffffffffffff");
}

TEST(ResultIdTest, SortsByTimeWithinAMillisecond) {
  std::string last = ResultId(kExample, std::numeric_limits<uint64_t>::max());
  for (int i = 1; i < 4096; ++i) {
    const std::string id = ResultId(kExample + i * absl::Nanoseconds(250), 0);
    ASSERT_LT(last, id) << i;
    last = ResultId(kExample + i * absl::Nanoseconds(250), std::numeric_limits<uint64_t>::max());
  }
}

TEST(ResultIdTest, TheRestOfAMillisecondNeverReachesTheVersion) {
  EXPECT_EQ(ResultId(kExample + absl::Nanoseconds(999'999), 0), "017f22e2-79b0-7fff-8000-000000000000");
}

TEST(ResultIdTest, TimesBefore1970CountAs1970) {
  EXPECT_EQ(ResultId(absl::FromUnixSeconds(-5), 0), "00000000-0000-7000-8000-000000000000");
}

TEST(ResultIdTest, NewOnesOfOneInstantAreDifferentAndWellFormed) {
  std::set<std::string> ids;
  const absl::Time now = absl::Now();
  for (int i = 0; i < 10'000; ++i) ids.insert(NewResultId(now));
  EXPECT_EQ(ids.size(), 10'000U);
  EXPECT_THAT(*ids.begin(), MatchesRegex("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"));
}

}  // namespace
}  // namespace bayespfl
