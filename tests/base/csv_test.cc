#include "base/csv.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;

TEST(CsvFieldTest, LeavesPlainTextAlone) { EXPECT_EQ(CsvField("metal nut"), "metal nut"); }

TEST(CsvFieldTest, QuotesWhatWouldBreakARow) {
  EXPECT_EQ(CsvField("a,b"), "\"a,b\"");
  EXPECT_EQ(CsvField("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(CsvField("two\nlines"), "\"two\nlines\"");
  EXPECT_EQ(CsvField(" blank"), "\" blank\"");
}

TEST(CsvFieldTest, WhatIsWrittenIsReadBackUnchanged) {
  const std::string row = CsvField("a,\"b\"\r\nc") + "," + CsvField("") + "," + CsvField("<b>&") + "\n";
  CsvReader reader(row);

  const auto read = reader.Next();

  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_TRUE(read->has_value());
  EXPECT_THAT((*read)->fields, ElementsAre("a,\"b\"\r\nc", "", "<b>&"));
}

TEST(CsvReaderTest, PassesOverEmptyLinesAndRowsOfBlankFields) {
  CsvReader reader(",,\n\na,b,c\n,,\n \t, ,\"\"\nd,,\n,,");

  const auto first = reader.Next();
  const auto second = reader.Next();
  const auto end = reader.Next();

  ASSERT_TRUE(first.ok() && second.ok() && end.ok());
  EXPECT_THAT((*first)->fields, ElementsAre("a", "b", "c"));
  EXPECT_THAT((*second)->fields, ElementsAre("d", "", ""));
  EXPECT_EQ((*second)->line, 6);
  EXPECT_FALSE(end->has_value());
}

}  // namespace
}  // namespace bayespfl
