#include "base/sha256.h"

#include <gtest/gtest.h>

#include <string>

namespace bayespfl {
namespace {

// FIPS 180-2, appendix B.
TEST(Sha256Test, GivesTheStandardsDigests) {
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256Hex(std::string(1'000'000, 'a')), "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST(Sha256Test, ABytesMoveFromOneFileToTheNextIsNoticed) {
  Sha256 one;
  one.AddFile("a", "xy", 2);
  one.AddFile("b", "z", 1);
  Sha256 other;
  other.AddFile("a", "x", 1);
  other.AddFile("b", "yz", 2);

  EXPECT_NE(one.HexDigest(), other.HexDigest());
}

}  // namespace
}  // namespace bayespfl
