#include "model/training_log/crc32c.h"

#include <string>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// RFC 3720, B.4.
TEST(Crc32cTest, GivesTheStandardsChecksums) {
  std::string up;
  std::string down;
  for (int i = 0; i < 32; ++i) {
    up.push_back(static_cast<char>(i));
    down.push_back(static_cast<char>(31 - i));
  }
  EXPECT_EQ(Crc32c(std::string(32, '\0')), 0x8A9136AA);
  EXPECT_EQ(Crc32c(std::string(32, '\xFF')), 0x62A8AB43);
  EXPECT_EQ(Crc32c(up), 0x46DD794E);
  EXPECT_EQ(Crc32c(down), 0x113FDB5C);
}

TEST(Crc32cTest, IsZeroOfNothing) { EXPECT_EQ(Crc32c(""), 0U); }

}  // namespace
}  // namespace bayespfl
