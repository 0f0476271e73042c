#include "base/sha256.h"

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

TEST(Sha256Test, AgreesWithThePublishedExample) {  // FIPS 180-4, example "abc"
  EXPECT_EQ(Sha256Hex("abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Sha256Test, PartsAreDelimited) {
  Sha256 first;
  first.AddPart("ab");
  first.AddPart("c");
  Sha256 second;
  second.AddPart("a");
  second.AddPart("bc");
  EXPECT_NE(first.HexDigest(), second.HexDigest());
}

}  // namespace
}  // namespace bayespfl
