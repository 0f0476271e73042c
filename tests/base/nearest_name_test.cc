#include "base/nearest_name.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::Optional;

TEST(EditDistanceTest, CountsInsertionsDeletionsAndSubstitutions) {
  EXPECT_EQ(EditDistance("kitten", "sitting"), 3);
  EXPECT_EQ(EditDistance("", "abc"), 3);
  EXPECT_EQ(EditDistance("abc", ""), 3);
  EXPECT_EQ(EditDistance("abc", "abc"), 0);
}

TEST(EditDistanceTest, NeighboursThatSwapAreOneError) {
  EXPECT_EQ(EditDistance("prot", "port"), 1);
  EXPECT_EQ(EditDistance("ca", "abc"), 3);  // would be 2 if a byte might be touched twice
}

TEST(NearestNameTest, FindsTheNameWithTheLeastDistance) {
  EXPECT_THAT(NearestName("max_bach", {"max_bytes", "max_batch"}), Optional(std::string("max_batch")));
}

TEST(NearestNameTest, TheFirstOfSeveralWins) {
  EXPECT_THAT(NearestName("bat", {"cat", "hat"}), Optional(std::string("cat")));
}

TEST(NearestNameTest, DashesAndCapitalsDoNotCount) {
  EXPECT_THAT(NearestName("Max-Batch", {"max_batch"}), Optional(std::string("max_batch")));
}

TEST(NearestNameTest, HasNothingToSayAboutAnEntirelyOtherName) {
  EXPECT_EQ(NearestName("colour", {"port", "max_batch"}), std::nullopt);
  EXPECT_EQ(NearestName(std::string(1 << 20, 'x'), {"port", "max_batch"}), std::nullopt);
  EXPECT_EQ(NearestName("", {"port"}), std::nullopt);
}

}  // namespace
}  // namespace bayespfl
