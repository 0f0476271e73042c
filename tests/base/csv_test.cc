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

}  // namespace
}  // namespace bayespfl
