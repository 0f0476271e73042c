#include "client/cpp/text.h"

#include <gtest/gtest.h>

namespace bayespfl::client {
namespace {

TEST(TextTest, KnowsUtf8) {
  for (const char* text : {"", "nut", "stra\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
  for (const char* text : {"\x80", "\xC3", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xFF"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

TEST(TextTest, LeavesNoControlCharacters) {
  EXPECT_EQ(OneLine("a\r\n\tb\x1b[2J\x7F\xC2\x9B\xFF!"),
            "a b?[2J???"
            "!");
  EXPECT_EQ(OneLine(" \n"), "");
}

TEST(TextTest, CountsAndCutsCharacters) {
  EXPECT_EQ(Columns("gr\xC3\xB6\xC3\x9F"
                    "e"),
            5U);
  EXPECT_EQ(KeepEnd("abcdef", 6), "abcdef");
  EXPECT_EQ(KeepEnd("abc\xC3\xB6"
                    "ef",
                    4),
            "\xE2\x80\xA6\xC3\xB6"
            "ef");
  EXPECT_EQ(PadRight("\xC3\xB6", 3), "\xC3\xB6  ");
}

TEST(TextTest, WritesFloatsInTheirShortestForm) {
  EXPECT_EQ(ShortestDecimal(0.93F), 0.93);
  EXPECT_EQ(ShortestDecimal(0.0F), 0.0);
  EXPECT_EQ(ShortestDecimal(1e-7F), 1e-7);
}

}  // namespace
}  // namespace bayespfl::client
