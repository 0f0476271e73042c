#include "client/cpp/load.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/client/client_fixture.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using ::testing::AllOf;
using testing::FakeInspectionServer;
using ::testing::Ge;
using ::testing::Le;

LoadOptions Short() {
  LoadOptions options;
  options.warm_up = absl::Milliseconds(100);
  options.duration = absl::Milliseconds(600);
  options.inspect_options = StreamCategory();
  return options;
}

TEST(LoadTest, AClosedLoopKeepsSoManyFramesOnTheirWay) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(5)});
  LoadOptions options = Short();
  options.in_flight = 3;

  const auto report = RunLoad(*ClientOf(server.target()), {"good"}, options);

  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(server.most_in_flight(), 3);
  EXPECT_EQ(report->failed(), 0U);
  EXPECT_EQ(report->latencies.size(), report->results);
  EXPECT_GE(report->results, 10U);
  // Three share a server that takes 5 ms for each.
  EXPECT_GE(report->Percentile(0.5), absl::Milliseconds(5));
  EXPECT_LE(report->answered, 200.0);
}

TEST(LoadTest, AnOpenLoopOffersItsRateWhateverTheServerDoes) {
  FakeInspectionServer server({.frame_time = absl::Milliseconds(50)});
  for (const Arrivals arrivals : {Arrivals::kRegular, Arrivals::kPoisson}) {
    LoadOptions options = Short();
    options.arrivals = arrivals;
    options.cameras = 2;
    options.rate = 50;
    options.in_flight = 100;

    const auto report = RunLoad(*ClientOf(server.target()), {"good"}, options);

    ASSERT_TRUE(report.ok()) << report.status();
    EXPECT_THAT(report->offered, AllOf(Ge(50.0), Le(170.0)));
    // Each stream's server takes 20 frames a second of the 50: the last waits about 0.9 s, and that is not hidden.
    EXPECT_GE(report->Percentile(1), absl::Milliseconds(500));
  }
}

TEST(LoadTest, CountsErrorsByReasonAndWhatWasSentAgain) {
  FakeInspectionServer server({});
  LoadOptions options = Short();
  options.in_flight = 1;
  options.frame_timeout = absl::Seconds(5);

  const auto report = RunLoad(*ClientOf(server.target()), {"bad", "hot"}, options);

  ASSERT_TRUE(report.ok()) << report.status();
  ASSERT_EQ(report->errors.size(), 1U);
  EXPECT_EQ(report->errors.begin()->first, "INVALID_PICTURE");
  EXPECT_EQ(report->errors.begin()->second, report->failed());
  EXPECT_EQ(report->sent_again, report->results);
  EXPECT_GE(report->results, 1U);
}

TEST(LoadTest, SaysWhyNothingCanBeMeasured) {
  SilentListener listener;
  listener.Close();

  EXPECT_TRUE(absl::IsUnavailable(RunLoad(*ClientOf(listener.target()), {"good"}, Short()).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(RunLoad(*ClientOf(listener.target()), {}, Short()).status()));
}

TEST(LoadReportTest, PercentilesAreResultsThatWereMeasured) {
  LoadReport report;
  for (int i = 1; i <= 200; ++i) report.latencies.push_back(absl::Milliseconds(i));

  EXPECT_EQ(report.Percentile(0.5), absl::Milliseconds(100));
  EXPECT_EQ(report.Percentile(0.99), absl::Milliseconds(198));
  EXPECT_EQ(report.Percentile(0.999), absl::Milliseconds(200));
  EXPECT_EQ(report.Percentile(1), absl::Milliseconds(200));
  EXPECT_EQ(LoadReport().Percentile(0.5), absl::ZeroDuration());
}

TEST(LargestThatHoldsTest, FindsTheBorderWithFewTrials) {
  for (int border = 0; border <= 40; ++border) {
    int trials = 0;
    const auto found = LargestThatHolds(40, [&](int count) {
      ++trials;
      return absl::StatusOr<bool>(count <= border);
    });
    EXPECT_EQ(found.value(), border);
    EXPECT_LE(trials, 12) << border;
  }
  EXPECT_TRUE(absl::IsUnavailable(
      LargestThatHolds(4, [](int) { return absl::StatusOr<bool>(absl::UnavailableError("gone")); }).status()));
}

}  // namespace
}  // namespace bayespfl::client
