#include "server/telemetry/metric_category.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::string ErrorOf(const std::string& list) {
  const auto categories = ParseMetricCategories(list);
  EXPECT_EQ(categories.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(categories.status().message());
}

std::string Names(size_t count) {
  std::string list;
  for (size_t i = 0; i < count; ++i) absl::StrAppend(&list, "part ", i, ",");
  return list;
}

TEST(MetricCategoryTest, SpellingsOfOneCategoryAreOne) {
  for (const char* spelling : {"metal nut", "Metal_Nut", "  METAL \t nut ", "metal__nut"}) {
    EXPECT_EQ(MetricCategory(spelling), "metal nut") << spelling;
  }
}

TEST(MetricCategoryTest, OtherCategoriesStayApart) {
  EXPECT_EQ(MetricCategory("metalnut"), "metalnut");
  EXPECT_EQ(MetricCategory("metal-nut"), "metal-nut");
}

TEST(MetricCategoryTest, TheListIsSeparatedByCommas) {
  const auto categories = ParseMetricCategories("Metal_Nut, leather ,,");

  ASSERT_TRUE(categories.ok()) << categories.status();
  EXPECT_THAT(*categories, ElementsAre("metal nut", "leather"));
}

TEST(MetricCategoryTest, AnEmptyListIsNoCategories) {
  const auto categories = ParseMetricCategories("");

  ASSERT_TRUE(categories.ok()) << categories.status();
  EXPECT_THAT(*categories, IsEmpty());
}

TEST(MetricCategoryTest, RejectsMoreThanTheBound) {
  EXPECT_TRUE(ParseMetricCategories(Names(kMaxMetricCategories)).ok());
  EXPECT_THAT(ErrorOf(Names(kMaxMetricCategories + 1)),
              AllOf(HasSubstr("metric_categories names 33"), HasSubstr("at most 32")));
}

TEST(MetricCategoryTest, RejectsOneCategoryTwice) {
  EXPECT_THAT(ErrorOf("metal nut,Metal_Nut"), HasSubstr("\"metal nut\" twice"));
}

TEST(MetricCategoryTest, RejectsTheNameOfTheRest) {
  EXPECT_THAT(ErrorOf("Other"), HasSubstr("stands for all that are not listed"));
}

TEST(MetricCategoryTest, RejectsWhatNoLabelShouldHold) {
  EXPECT_THAT(ErrorOf("nut\x01"), HasSubstr("not printable ASCII"));
  EXPECT_THAT(ErrorOf("n\xC3\xBCt"), HasSubstr("\"n\\xc3\\xbct\""));
}

}  // namespace
}  // namespace bayespfl::server
