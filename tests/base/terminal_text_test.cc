#include "base/terminal_text.h"

#include <gtest/gtest.h>

namespace bayespfl {
namespace {

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

}  // namespace
}  // namespace bayespfl
