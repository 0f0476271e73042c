#include "model/training/training_course.h"

#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::ElementsAre;
constexpr AfterEpoch kKeep = AfterEpoch::kKeep;
constexpr AfterEpoch kWait = AfterEpoch::kWait;
constexpr AfterEpoch kRestore = AfterEpoch::kRestore;

std::vector<AfterEpoch> Count(const std::vector<ValidationScores>& epochs, TrainingCourse& course,
                              const CourseOptions& options = {}) {
  std::vector<AfterEpoch> verdicts;
  for (const ValidationScores& scores : epochs) verdicts.push_back(CountEpoch(options, scores, course));
  return verdicts;
}

TEST(TrainingCourseTest, StageOneGoesByPixelsAndEndsAtTheFourthWorseEpochInARow) {
  TrainingCourse course;
  EXPECT_THAT(Count({{0.5, 0}, {0.4, 1}, {0.4, 1}, {0.5, 1}, {0.4, 1}, {0.4, 1}, {0.4, 1}}, course),
              ElementsAre(kKeep, kWait, kWait, kKeep, kWait, kWait, kWait));
  EXPECT_EQ(course.stage, 1);
  EXPECT_THAT(Count({{0.4, 1}}, course), ElementsAre(kRestore));
  EXPECT_EQ(course, (TrainingCourse{.stage = 2, .epochs = 8, .patience = 4}));
}

TEST(TrainingCourseTest, StageTwoBeginsAnewAndGoesByImages) {
  TrainingCourse course = {.stage = 2, .epochs = 8, .patience = 4};
  EXPECT_THAT(Count({{0.9, 0.1}, {0.9, 0.2}, {0.9, 0.1}, {0.9, 0.1}, {0.9, 0.1}}, course),
              ElementsAre(kKeep, kKeep, kWait, kWait, kWait));
  EXPECT_FALSE(course.finished);
  EXPECT_THAT(Count({{1, 0.1}}, course), ElementsAre(kRestore));
  EXPECT_TRUE(course.finished);
  EXPECT_EQ(course.stage, 2);
}

TEST(TrainingCourseTest, TheTowersStageGoesByPixelsAndNoneFollowsIt) {
  TrainingCourse course = {.stage = 0};
  EXPECT_THAT(Count({{0.5, 1}, {0.6, 0}, {0.4, 1}, {0.4, 1}}, course, {.patience = 1}),
              ElementsAre(kKeep, kKeep, kWait, kRestore));
  EXPECT_EQ(course.stage, 0);
  EXPECT_TRUE(course.finished);
}

TEST(TrainingCourseTest, TheLastEpochThatThereMayBeEndsTheRun) {
  TrainingCourse course;
  EXPECT_THAT(Count({{0.5, 0}, {0.4, 0}}, course, {.epochs = 2}), ElementsAre(kKeep, kRestore));
  EXPECT_TRUE(course.finished);
}

TEST(TrainingCourseTest, ALastEpochThatIsTheBestIsKept) {
  TrainingCourse course;
  EXPECT_THAT(Count({{0.5, 0}, {0.6, 0}}, course, {.epochs = 2}), ElementsAre(kKeep, kKeep));
  EXPECT_TRUE(course.finished);
}

TEST(TrainingCourseTest, AStageTwoWithoutAnEpochDoesNotBegin) {
  TrainingCourse course;
  EXPECT_THAT(Count({{0.5, 0}, {0.4, 0}}, course, {.epochs = 2, .patience = 0}), ElementsAre(kKeep, kRestore));
  EXPECT_TRUE(course.finished);
  EXPECT_EQ(course.stage, 1);
}

}  // namespace
}  // namespace bayespfl
