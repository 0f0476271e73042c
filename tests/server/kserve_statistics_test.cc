// What is counted of requests, as ModelStatistics tells it.
#include "server/api/kserve_statistics.h"

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/server/fake_detector.h"

namespace bayespfl::server {
namespace {

using inference::StatisticDuration;

std::shared_ptr<const ServedModel> NewModel(const std::string& version = "1") {
  return std::make_shared<ServedModel>("fake", ReplicasOf({std::make_shared<FakeDetector>(version)}));
}

// A result with a time for each stage, in milliseconds.
Inspection Result(double total, double queue = 0) {
  Inspection result;
  result.timings = {{"queue", queue / 1e3}, {"decode", 0.001},  {"preprocess", 0.002},
                    {"vision", 0.010},      {"prompts", 0.020}, {"detect", 0.040},
                    {"postprocess", 0.003}, {"render", 0.005},  {"total", total / 1e3}};
  return result;
}

void ExpectDuration(const StatisticDuration& duration, uint64_t count, absl::Duration sum) {
  EXPECT_EQ(duration.count(), count);
  // Seconds are added up in floating point.
  EXPECT_NEAR(static_cast<double>(duration.ns()), absl::ToDoubleNanoseconds(sum), 10);
}

TEST(TritonVersionTest, IsTheIntegerThatAVersionBeginsWith) {
  EXPECT_EQ(TritonVersion("2.1+0123456789ab"), "2");
  EXPECT_EQ(TritonVersion("20261201"), "20261201");
  EXPECT_EQ(TritonVersion("v2"), "1");
  EXPECT_EQ(TritonVersion(""), "1");
  EXPECT_EQ(TritonVersion(std::string(18, '9')), std::string(18, '9'));
  EXPECT_EQ(TritonVersion(std::string(19, '9')), "1");
}

TEST(KserveStatisticsTest, AModelThatWasAskedForNothingHasZeros) {
  const KserveStatistics statistics;

  const inference::ModelStatistics none = statistics.StatisticsOf(NewModel("1.0+abc"));

  EXPECT_EQ(none.name(), "fake");
  EXPECT_EQ(none.version(), "1");
  EXPECT_EQ(none.last_inference(), 0U);
  EXPECT_EQ(none.inference_count(), 0U);
  EXPECT_EQ(none.execution_count(), 0U);
  ExpectDuration(none.inference_stats().success(), 0, absl::ZeroDuration());
}

TEST(KserveStatisticsTest, StagesAreAddedUpToTritonsParts) {
  KserveStatistics statistics;
  const auto model = NewModel();

  statistics.NoteAnswered(model, {Result(/*total=*/90, /*queue=*/7)}, /*executions=*/1, absl::Milliseconds(100));
  statistics.NoteAnswered(model, {Result(/*total=*/90, /*queue=*/9)}, /*executions=*/1, absl::Milliseconds(50));

  const inference::InferStatistics requests = statistics.StatisticsOf(model).inference_stats();
  ExpectDuration(requests.success(), 2, absl::Milliseconds(150));
  ExpectDuration(requests.fail(), 0, absl::ZeroDuration());
  ExpectDuration(requests.queue(), 2, absl::Milliseconds(16));
  ExpectDuration(requests.compute_input(), 2, absl::Milliseconds(2 * (1 + 2)));
  ExpectDuration(requests.compute_infer(), 2, absl::Milliseconds(2 * (10 + 20 + 40)));
  ExpectDuration(requests.compute_output(), 2, absl::Milliseconds(2 * (3 + 5)));
}

TEST(KserveStatisticsTest, ARequestsTimeIsThatOfItsSlowestPicture) {
  KserveStatistics statistics;
  const auto model = NewModel();

  statistics.NoteAnswered(model, {Result(90, /*queue=*/1), Result(95, /*queue=*/6), Result(93, /*queue=*/4)},
                          /*executions=*/1, absl::Milliseconds(100));

  const inference::ModelStatistics of_model = statistics.StatisticsOf(model);
  ExpectDuration(of_model.inference_stats().queue(), 1, absl::Milliseconds(6));
  EXPECT_EQ(of_model.inference_count(), 3U);
}

TEST(KserveStatisticsTest, PartsOfExecutionsMakeWholeOnes) {
  KserveStatistics statistics;
  const auto model = NewModel();

  // Three requests of a picture each that the model computed together.
  for (int i = 0; i < 3; ++i) statistics.NoteAnswered(model, {Result(90)}, 1.0 / 3, absl::Milliseconds(100));

  EXPECT_EQ(statistics.StatisticsOf(model).execution_count(), 1U);
}

TEST(KserveStatisticsTest, FailuresAreCountedApart) {
  KserveStatistics statistics;
  const auto model = NewModel();
  const absl::Time before = absl::Now();

  statistics.NoteFailed(model, absl::Milliseconds(4));

  const inference::ModelStatistics of_model = statistics.StatisticsOf(model);
  ExpectDuration(of_model.inference_stats().fail(), 1, absl::Milliseconds(4));
  ExpectDuration(of_model.inference_stats().success(), 0, absl::ZeroDuration());
  EXPECT_EQ(of_model.inference_count(), 0U);
  EXPECT_GE(of_model.last_inference(), static_cast<uint64_t>(absl::ToUnixMillis(before)));
}

TEST(KserveStatisticsTest, AModelThatIsLoadedAnewBeginsAnewAndTheOldOneIsNotMixedIn) {
  KserveStatistics statistics;
  const auto before = NewModel("1");
  const auto after = NewModel("1");
  statistics.NoteFailed(before, absl::Milliseconds(1));
  statistics.NoteFailed(after, absl::Milliseconds(1));

  statistics.NoteFailed(before, absl::Milliseconds(1));  // it was still at work

  EXPECT_EQ(statistics.StatisticsOf(after).inference_stats().fail().count(), 1U);
}

}  // namespace
}  // namespace bayespfl::server
