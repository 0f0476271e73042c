#include "model/clip/text_cleaning.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/clip/html_entities.h"
#include "tests/support/cpu_timer.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;

std::string Clean(absl::string_view text) {
  const absl::StatusOr<std::string> cleaned = CleanText(text);
  EXPECT_TRUE(cleaned.ok()) << cleaned.status();
  return cleaned.ok() ? *cleaned : "error";
}

std::string Repeat(absl::string_view unit, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) text.append(unit.data(), unit.size());
  return text;
}

TEST(HtmlEntitiesTest, ReadsNamesLenientlyWithTheLongestPrefix) {
  EXPECT_EQ(UnescapeHtml(U"&notin; &notit; &notin &amp &ampx &AMP"), U"\u2209 \u00ACit; \u00ACin & &x &");
  EXPECT_EQ(UnescapeHtml(U"&fjlig; &NotEqualTilde;"), U"fj \u2242\u0338");
  EXPECT_EQ(UnescapeHtml(U"& &; &x; &hellip &nosuchname; &"), U"& &; &x; &hellip &nosuchname; &");
}

TEST(HtmlEntitiesTest, ReadsNumbersAsBrowsersDo) {
  EXPECT_EQ(UnescapeHtml(U"&#65;&#x42;&#X43&#68"), U"ABCD");
  EXPECT_EQ(UnescapeHtml(U"&#x80;&#146;&#x81;"), U"\u20AC\u2019\x81");
  EXPECT_EQ(UnescapeHtml(U"&#0;&#xD800;&#x110000;&#99999999999999999999;"), U"\uFFFD\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(UnescapeHtml(U"a&#1;&#x0B;&#x7F;&#xFDD0;&#x1FFFE;b&#13;&#9;"), U"ab\r\t");
  EXPECT_EQ(UnescapeHtml(U"&# &#x &#; &#xg"), U"&# &#x &#; &#xg");
}

TEST(HtmlEntitiesTest, DecodesOnlyOnce) { EXPECT_EQ(UnescapeHtml(U"&amp;amp;lt;"), U"&amp;lt;"); }

TEST(HtmlEntitiesTest, ReadsStrictlyOnlyWhatEndsInASemicolon) {
  EXPECT_EQ(UnescapeHtmlStrictly(U"&amp; &amp &lt &#65 &#65; &#65x;"), U"& &amp &lt &#65 A &#65x;");
  EXPECT_EQ(UnescapeHtmlStrictly(U"&#59; &#1;"), U"&#59; ");
}

TEST(HtmlEntitiesTest, ReadsLowerCaseNamesInCapitalsOnlyWhenStrict) {
  EXPECT_EQ(UnescapeHtmlStrictly(U"&NTILDE; &SZLIG; &nTILDE; &NTILDE"), U"\u00D1 SS &nTILDE; &NTILDE");
  EXPECT_EQ(UnescapeHtmlStrictly(U"&GT; &GTDOT;"), U"> &GTDOT;");  // HTML reads "&GT" without ";"
  EXPECT_EQ(UnescapeHtml(U"&NTILDE;"), U"&NTILDE;");
}

TEST(CleanTextTest, UnescapesUntilNothingIsLeft) { EXPECT_EQ(Clean("&amp;amp;amp;amp;lt;"), "<"); }

TEST(CleanTextTest, UnescapesOnlyTwiceFromTheFirstLineWithAnAngleBracketOn) {
  EXPECT_EQ(Clean("&amp;amp;amp;\n<b>&amp;amp;amp;\n&amp;amp;amp;"), "& <b>&amp; &amp;");
}

TEST(CleanTextTest, FoldsWidthsOfLatinKanaAndHangul) {
  EXPECT_EQ(Clean("\uFF21\uFF42\uFF11\uFF01\u3000\uFFE5"), "ab1! \u00A5");
  EXPECT_EQ(Clean("\uFF76\uFF9E\uFF70"), "\u30AC\u30FC");  // the voicing mark joins its letter
  EXPECT_EQ(Clean("\uFFA1"), "\u1100");
}

TEST(CleanTextTest, TakesLigaturesAndDigraphsApart) {
  EXPECT_EQ(Clean("\uFB03 \uFB06 \u0133 \u01C5 \u0149 \u00E6"), "ffi st ij d\u017E 'n \u00E6");
}

TEST(CleanTextTest, StraightensQuotes) {
  EXPECT_EQ(Clean("\u201Ca\u201F \u2018b\u201B c\u02BC \u2032"), "\"a\" 'b' c' \u2032");
}

TEST(CleanTextTest, ReadsC1ControlsAsWindows1252) { EXPECT_EQ(Clean("\u0080\u0085 it\u0092s"), "\u20AC\u2026 it's"); }

TEST(CleanTextTest, RemovesTerminalEscapesAndControls) {
  EXPECT_EQ(Clean("\u001B[1;31mred\u001B[0m \u001B[31 \u001Bx"), "red [31 x");
  EXPECT_EQ(Clean(absl::string_view("a\0b\x0B\x7F\u206A\uFEFF\uFFF9\uFFFC", 18)), "ab");
  EXPECT_EQ(Clean("a\u200D\u200E\u00AD"), "a\u200D\u200E\u00AD");  // joiners and marks that shape text stay
}

TEST(CleanTextTest, CollapsesAndStripsEveryKindOfWhiteSpace) {
  EXPECT_EQ(Clean("\r\n a\t\f b\u00A0\u2003c\u2028d\u2029&nbsp;"), "a b c d");
  EXPECT_EQ(Clean(" \n\t "), "");
}

TEST(CleanTextTest, LowersWithFinalSigmaAndDottedI) {
  EXPECT_EQ(Clean("\u03A3\u0391\u03A3 \u03A3. \u0391\u03A3.\u0391"), "\u03C3\u03B1\u03C2 \u03C3. \u03B1\u03C3.\u03B1");
  EXPECT_EQ(Clean("\u0130I\u1E9E"), "i\u0307i\u00DF");
}

TEST(CleanTextTest, DoesNotNormaliseWhatTheLastUnescapingBringsIn) {
  EXPECT_EQ(Clean("<e&#x301; &#8217;"), "<e\u0301 \u2019");
}

TEST(CleanTextTest, NamesTheByteOfInvalidUtf8) {
  const absl::Status status = CleanText("\u00E9\xA9").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(status.message(), HasSubstr("byte 2"));
}

TEST(CleanTextTest, RefusesTextBeyondItsLimits) {
  const std::string too_long(kMaxTextBytes + 1, 'a');
  const std::string too_deep = "&" + Repeat("amp;", kMaxEscapeNesting + 1);
  const std::string too_many_marks = "a" + Repeat("\u0301", kMaxCombiningMarks + 1);
  for (const std::string& text : {too_long, too_deep, too_many_marks}) {
    EXPECT_EQ(CleanText(text).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

TEST(CleanTextTest, AcceptsTextAtItsLimits) {
  EXPECT_TRUE(CleanText(std::string(kMaxTextBytes, 'a')).ok());
  EXPECT_EQ(Clean("&" + Repeat("amp;", kMaxEscapeNesting)), "&");
  EXPECT_TRUE(CleanText("a" + Repeat("\u0301", kMaxCombiningMarks)).ok());
}

TEST(CleanTextTest, TakesTimeInProportionToHostileText) {
  const std::string unsorted_marks = "a" + Repeat("\u0315\u0327", kMaxCombiningMarks / 2);
  for (const std::string& text :
       {Repeat("&", 100'000), Repeat("&aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 3'000), Repeat("\u001B[1;1;", 16'000),
        Repeat("\u001B[", 50'000), Repeat("\u03A3.", 33'000), Repeat(unsorted_marks, 48), "&#" + Repeat("9", 100'000),
        Repeat("&" + Repeat("amp;", kMaxEscapeNesting - 1), 400), Repeat("\n", 100'000)}) {
    const testing::CpuTimer timer;
    EXPECT_TRUE(CleanText(text).ok());
    EXPECT_LT(timer.Elapsed(), std::chrono::seconds(2)) << text.substr(0, 20);
  }
}

}  // namespace
}  // namespace bayespfl
