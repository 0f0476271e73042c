#include "model/evaluation/picture_seed.h"

#include <cstdint>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// int(sha256(b"0:" + sha256(b"picture").hexdigest().encode()).hexdigest()[:16], 16) of Python's hashlib.
TEST(PictureSeedTest, IsWhatTheDocumentationSays) {
  EXPECT_EQ(PictureSeed(0, "picture"), 0x366c7c491b7d1f15U);
  EXPECT_EQ(PictureSeed(UINT64_MAX, "picture"), 0x356df7ded8225e0dU);
}

TEST(PictureSeedTest, HangsOnSeedAndContent) {
  EXPECT_NE(PictureSeed(0, "picture"), PictureSeed(1, "picture"));
  EXPECT_NE(PictureSeed(0, "picture"), PictureSeed(0, "Picture"));
}

}  // namespace
}  // namespace bayespfl
