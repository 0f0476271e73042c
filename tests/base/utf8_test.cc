#include "base/utf8.h"

#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(Utf8Test, TakesWellFormedText) {
  for (const char* text : {"", "nut", "stra\xC3\x9F", "\xE2\x82\xAC", "\xF0\x9F\x98\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(IsUtf8(text)) << text;
  }
}

TEST(Utf8Test, RefusesWhatIsCutOverlongSurrogateOrTooLarge) {
  for (const char* text : {"\x80", "\xC3", "\xC3(", "\xC0\x80", "\xE0\x80\x80", "\xED\xA0\x80", "\xF0\x80\x80\x80",
                           "\xF4\x90\x80\x80", "\xFF", "nut \xE2\x82"}) {
    EXPECT_FALSE(IsUtf8(text)) << text;
  }
}

TEST(Utf8Test, MeasuresTheFirstCharacter) {
  EXPECT_EQ(Utf8CharacterBytes("a\xC3\x9F"), 1U);
  EXPECT_EQ(Utf8CharacterBytes("\xC3\x9F"
                               "a"),
            2U);
  EXPECT_EQ(Utf8CharacterBytes("\xE2\x82\xAC"), 3U);
  EXPECT_EQ(Utf8CharacterBytes("\xF0\x9F\x98\x80!"), 4U);
  EXPECT_EQ(Utf8CharacterBytes("\x9F"
                               "a"),
            0U);
}

TEST(Utf8Test, EscapesWhatATerminalWouldObeyAndNothingElse) {
  EXPECT_EQ(EscapeControls("\"a\" 'b' \\ stra\xC3\x9F\x65"), "\"a\" 'b' \\ stra\xC3\x9F\x65");
  EXPECT_EQ(EscapeControls("\x1b[2J\n\x7f"), "\\x1b[2J\\x0a\\x7f");
  EXPECT_EQ(EscapeControls("\xC2\x9B"
                           "2J"),
            "\\xc2\\x9b2J");  // U+009B, CSI in one character
  EXPECT_EQ(EscapeControls("\xC2\xA0"), "\xC2\xA0");
  EXPECT_EQ(EscapeControls("\x9B\xFF"), "\\x9b\\xff");
  EXPECT_EQ(EscapeControls(absl::string_view("\0", 1)), "\\x00");
}

}  // namespace
}  // namespace bayespfl
