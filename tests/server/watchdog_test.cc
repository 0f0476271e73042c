#include "server/pipeline/watchdog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/error_reason.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using std::chrono::hours;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr seconds kLimit(60);

// Two replicas, watched by hand: nothing happens but in Check().
class WatchdogTest : public ::testing::Test {
 protected:
  std::vector<JobPtr> Jobs(size_t count) const {
    std::vector<JobPtr> jobs;
    for (size_t i = 0; i < count; ++i) jobs.push_back(std::make_unique<Job>());
    return jobs;
  }
  Watchdog::Work Batch(size_t jobs) const { return {.model = model_, .start = start_, .jobs = Jobs(jobs)}; }

  const SteadyTime start_ = SteadyTime() + hours(1);
  const std::shared_ptr<ServedModel> model_ =
      std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>()}));
  HungReplicas hung_{2};
  std::vector<size_t> overdue_;     // replicas
  std::vector<JobPtr> given_away_;  // with them
  Watchdog watchdog_{2, kLimit, hung_, [this](size_t replica, Watchdog::Work work) {
                       overdue_.push_back(replica);
                       for (JobPtr& job : work.jobs) given_away_.push_back(std::move(job));
                     }};
};

TEST_F(WatchdogTest, ABatchThatEndsInTimeHasItsJobs) {
  watchdog_.Begin(0, Batch(3));
  watchdog_.Check(start_ + kLimit - seconds(1));

  const Watchdog::Ended ended = watchdog_.End(0);

  EXPECT_FALSE(ended.overdue);
  EXPECT_EQ(ended.jobs.size(), 3U);
  EXPECT_THAT(overdue_, IsEmpty());
}

TEST_F(WatchdogTest, ABatchThatDoesNotGivesThemAwayOnceAndHangsUntilItEnds) {
  watchdog_.Begin(1, Batch(3));

  watchdog_.Check(start_ + kLimit);
  watchdog_.Check(start_ + 2 * kLimit);

  EXPECT_THAT(overdue_, ElementsAre(1));
  EXPECT_EQ(given_away_.size(), 3U);
  EXPECT_EQ(hung_.First(), 1U);
  const Watchdog::Ended ended = watchdog_.End(1);
  EXPECT_TRUE(ended.overdue);
  EXPECT_THAT(ended.jobs, IsEmpty());
  EXPECT_EQ(hung_.First(), std::nullopt);
}

TEST_F(WatchdogTest, ABatchThatEndedIsNotTakenForTheOneBehindIt) {
  watchdog_.Begin(0, Batch(1));
  watchdog_.End(0);
  Watchdog::Work next = Batch(2);
  next.start = start_ + seconds(30);
  watchdog_.Begin(0, std::move(next));

  watchdog_.Check(start_ + kLimit);

  EXPECT_THAT(overdue_, IsEmpty());
  EXPECT_EQ(watchdog_.End(0).jobs.size(), 2U);
}

TEST_F(WatchdogTest, ARebuildIsToldAndDoesNotHang) {
  watchdog_.Begin(0, {.kind = ReplicaWork::kRebuild, .model = model_, .start = start_});

  watchdog_.Check(start_ + kLimit);

  EXPECT_THAT(overdue_, ElementsAre(0));
  EXPECT_EQ(hung_.First(), std::nullopt);
  EXPECT_TRUE(watchdog_.End(0).overdue);
}

TEST_F(WatchdogTest, WithoutALimitNothingIsOverdue) {
  Watchdog patient(1, seconds(0), hung_, [](size_t /*replica*/, const Watchdog::Work& /*work*/) { FAIL(); });
  patient.Begin(0, Batch(1));

  patient.Check(start_ + hours(24 * 365));

  EXPECT_EQ(patient.End(0).jobs.size(), 1U);
}

TEST_F(WatchdogTest, AModelIsServedWhileOneReplicaWorksAndDoesNotHang) {
  const auto two = std::make_shared<ServedModel>(
      "two", ReplicasOf({std::make_shared<FakeDetector>(), std::make_shared<FakeDetector>()}));
  const auto fails = [](const Detector& /*detector*/) { return absl::InternalError("gone"); };

  hung_.Set(0, true);
  EXPECT_TRUE(hung_.CanServe(*two).ok());
  ASSERT_FALSE(two->replica(1).Rebuild(fails).ok());
  EXPECT_EQ(ReasonOf(hung_.CanServe(*two)), ErrorReason::kDeviceHung);
  ASSERT_FALSE(two->replica(0).Rebuild(fails).ok());
  EXPECT_EQ(ReasonOf(hung_.CanServe(*two)), ErrorReason::kNoReplica);
}

}  // namespace
}  // namespace bayespfl::server
