#include "server/telemetry/span_exporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using Clock = std::chrono::steady_clock;

// What a test tells the collector to answer, and what that got. Outlives the sender. Thread-safe.
class FakeCollector {
 public:
  // The next answers; when there are none left, everything is taken.
  void Answer(SendResult result) {
    MutexLock lock(mu_);
    answers_.push_back(std::move(result));
  }
  // From now on nothing is answered before Cancel().
  void Hang() {
    MutexLock lock(mu_);
    hangs_ = true;
  }
  void Wake() {
    MutexLock lock(mu_);
    hangs_ = false;
    changed_.NotifyAll();
  }
  void WaitForTries(size_t tries) {
    MutexLock lock(mu_);
    while (bodies_.size() < tries) changed_.Wait(mu_);
  }
  std::vector<size_t> batches() {  // spans of every try so far
    MutexLock lock(mu_);
    std::vector<size_t> sizes;
    for (const std::string& body : bodies_) {
      sizes.push_back(nlohmann::json::parse(body)["resourceSpans"][0]["scopeSpans"][0]["spans"].size());
    }
    return sizes;
  }
  std::vector<Clock::time_point> tries() {
    MutexLock lock(mu_);
    return times_;
  }

  SendResult Send(const std::string& body) {
    MutexLock lock(mu_);
    bodies_.push_back(body);
    times_.push_back(Clock::now());
    changed_.NotifyAll();
    while (hangs_ && !cancelled_) changed_.Wait(mu_);
    if (cancelled_) return {.kind = SendResult::Kind::kRetry, .error = "cancelled"};
    if (answers_.empty()) return {};
    SendResult result = answers_.front();
    answers_.pop_front();
    return result;
  }
  void Cancel() {
    MutexLock lock(mu_);
    cancelled_ = true;
    changed_.NotifyAll();
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::deque<SendResult> answers_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> bodies_ ABSL_GUARDED_BY(mu_);
  std::vector<Clock::time_point> times_ ABSL_GUARDED_BY(mu_);
  bool hangs_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
};

class FakeSender final : public SpanSender {
 public:
  explicit FakeSender(FakeCollector& collector) : collector_(collector) {}
  SendResult Send(const std::string& body) override { return collector_.Send(body); }
  void Cancel() override { collector_.Cancel(); }

 private:
  FakeCollector& collector_;
};

SendResult Retry(std::optional<milliseconds> after = std::nullopt) {
  return {.kind = SendResult::Kind::kRetry, .error = "HTTP status 503", .retry_after = after};
}

std::vector<Span> Spans(size_t count) { return std::vector<Span>(count); }

class SpanExporterTest : public ::testing::Test {
 protected:
  // Sends what waits at once, and comes again soon.
  SpanExporterOptions Options() {
    SpanExporterOptions options;
    options.max_delay = milliseconds(0);
    options.first_retry = milliseconds(1);
    options.longest_retry = milliseconds(2);
    options.stop_time = milliseconds(100);
    options.on_exported = [this](int64_t spans) { exported_ += spans; };
    options.on_lost = [this](SpanLoss why, int64_t spans) { lost_.at(static_cast<size_t>(why)) += spans; };
    options.on_failure = [this] { ++failures_; };
    options.on_queue = [this](int64_t change) { queued_ += change; };
    options.error_lines = {.max_lines = 1, .window = std::chrono::seconds(3600)};
    return options;
  }

  void Make(SpanExporterOptions options) {
    LogOptions log;
    log.format = "json";
    log.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      lines_.push_back(nlohmann::json::parse(line));
    };
    exporter_ = std::make_unique<SpanExporter>(std::move(options), std::make_unique<FakeSender>(collector_),
                                               *CreateLogger(std::move(log)));
  }

  int64_t Lost(SpanLoss why) { return lost_.at(static_cast<size_t>(why)); }

  std::vector<std::string> Messages() {
    MutexLock lock(mu_);
    std::vector<std::string> messages;
    for (const nlohmann::json& line : lines_) messages.push_back(line["message"]);
    return messages;
  }

  FakeCollector collector_;
  std::atomic<int64_t> exported_{0};
  std::array<std::atomic<int64_t>, kSpanLosses> lost_{};
  std::atomic<int> failures_{0};
  std::atomic<int64_t> queued_{0};
  Mutex mu_;
  std::vector<nlohmann::json> lines_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<SpanExporter> exporter_;  // last: it stops before the rest goes
};

TEST_F(SpanExporterTest, SendsWhatItGets) {
  Make(Options());

  exporter_->Add(Spans(9));

  EXPECT_TRUE(Eventually([this] { return exported_ == 9; }));
  EXPECT_THAT(collector_.batches(), ElementsAre(9));
  EXPECT_EQ(queued_, 0);
}

TEST_F(SpanExporterTest, GathersBatchesOfWholeRequests) {
  SpanExporterOptions options = Options();
  options.max_batch_spans = 20;
  Make(options);
  collector_.Hang();
  exporter_->Add(Spans(1));
  collector_.WaitForTries(1);
  for (int i = 0; i < 5; ++i) exporter_->Add(Spans(9));
  EXPECT_EQ(queued_, 45);

  collector_.Wake();

  EXPECT_TRUE(Eventually([this] { return exported_ == 46; }));
  EXPECT_THAT(collector_.batches(), ElementsAre(1, 18, 18, 9));
}

TEST_F(SpanExporterTest, WaitsForMoreBeforeItSends) {
  SpanExporterOptions options = Options();
  options.max_delay = std::chrono::hours(1);
  options.max_batch_spans = 10;
  Make(options);

  exporter_->Add(Spans(4));
  exporter_->Add(Spans(4));
  exporter_->Add(Spans(4));

  EXPECT_TRUE(Eventually([this] { return exported_ == 8; })) << "the third did not fit beside the others";
  EXPECT_THAT(collector_.batches(), ElementsAre(8));
}

TEST_F(SpanExporterTest, ARequestLargerThanABatchGoesByItself) {
  SpanExporterOptions options = Options();
  options.max_batch_spans = 10;
  Make(options);

  exporter_->Add(Spans(25));

  EXPECT_TRUE(Eventually([this] { return exported_ == 25; }));
}

// A collector that never answers: whoever makes spans goes on, what waits is bounded, the rest is counted, and the end
// comes in time.
TEST_F(SpanExporterTest, ACollectorThatHangsCostsNothingButItsSpans) {
  SpanExporterOptions options = Options();
  options.max_queue_spans = 100;
  Make(options);
  collector_.Hang();
  exporter_->Add(Spans(10));
  collector_.WaitForTries(1);

  for (int i = 0; i < 1000; ++i) exporter_->Add(Spans(10));
  EXPECT_EQ(queued_, 100);
  EXPECT_EQ(Lost(SpanLoss::kQueueFull), 9900);

  const Clock::time_point before = Clock::now();
  exporter_->Stop();
  EXPECT_GE(Clock::now() - before, milliseconds(100)) << "it was given its time";
  EXPECT_LT(Clock::now() - before, std::chrono::seconds(30));
  EXPECT_EQ(Lost(SpanLoss::kStopped) + Lost(SpanLoss::kExportFailed), 110);
  EXPECT_EQ(queued_, 0);
  EXPECT_EQ(exported_, 0);
}

TEST_F(SpanExporterTest, AStopSendsWhatWaits) {
  SpanExporterOptions options = Options();
  options.max_delay = std::chrono::hours(1);
  options.stop_time = std::chrono::hours(1);
  options.max_batch_spans = 10;
  Make(options);
  exporter_->Add(Spans(3));
  exporter_->Add(Spans(3));

  exporter_->Stop();

  EXPECT_EQ(exported_, 6);
  exporter_->Add(Spans(2));
  EXPECT_EQ(Lost(SpanLoss::kStopped), 2) << "nothing is taken any more";
}

TEST_F(SpanExporterTest, TriesAgainWhenTheCollectorIsAway) {
  collector_.Answer(Retry());
  collector_.Answer(Retry());
  Make(Options());

  exporter_->Add(Spans(5));

  EXPECT_TRUE(Eventually([this] { return exported_ == 5; }));
  EXPECT_THAT(collector_.batches(), ElementsAre(5, 5, 5));
  EXPECT_EQ(failures_, 2);
  EXPECT_THAT(Messages(), ElementsAre("traces could not be sent; they are kept")) << "once for both";
}

TEST_F(SpanExporterTest, WaitsLongerEachTime) {
  for (int i = 0; i < 4; ++i) collector_.Answer(Retry());
  SpanExporterOptions options = Options();
  options.first_retry = milliseconds(8);
  options.longest_retry = milliseconds(32);
  Make(options);

  exporter_->Add(Spans(1));
  ASSERT_TRUE(Eventually([this] { return exported_ == 1; }));

  // Give or take a half, so at least half of 8, 16, 32 and again 32.
  const std::vector<Clock::time_point> tries = collector_.tries();
  ASSERT_EQ(tries.size(), 5U);
  EXPECT_GE(tries[1] - tries[0], milliseconds(4));
  EXPECT_GE(tries[2] - tries[1], milliseconds(8));
  EXPECT_GE(tries[3] - tries[2], milliseconds(16));
  EXPECT_GE(tries[4] - tries[3], milliseconds(16));
}

TEST_F(SpanExporterTest, ObeysTheCollectorsRetryAfter) {
  collector_.Answer(Retry(milliseconds(150)));
  Make(Options());

  exporter_->Add(Spans(1));
  ASSERT_TRUE(Eventually([this] { return exported_ == 1; }));

  const std::vector<Clock::time_point> tries = collector_.tries();
  EXPECT_GE(tries[1] - tries[0], milliseconds(150));
}

TEST_F(SpanExporterTest, GivesABatchUpInTheEnd) {
  for (int i = 0; i < 1000; ++i) collector_.Answer(Retry());
  SpanExporterOptions options = Options();
  options.give_up = milliseconds(50);
  Make(options);

  exporter_->Add(Spans(5));

  EXPECT_TRUE(Eventually([this] { return Lost(SpanLoss::kExportFailed) == 5; }));
  EXPECT_GT(failures_, 2);
}

TEST_F(SpanExporterTest, DoesNotWaitForARetryAfterBeyondThat) {
  collector_.Answer(Retry(std::chrono::hours(1)));
  Make(Options());

  exporter_->Add(Spans(5));
  EXPECT_TRUE(Eventually([this] { return Lost(SpanLoss::kExportFailed) == 5; }));

  exporter_->Add(Spans(3));
  EXPECT_TRUE(Eventually([this] { return exported_ == 3; }));
}

TEST_F(SpanExporterTest, WhatTheCollectorDoesNotWantIsNotSentAgain) {
  collector_.Answer({.kind = SendResult::Kind::kRefused, .error = "HTTP status 400"});
  Make(Options());

  exporter_->Add(Spans(5));
  exporter_->Add(Spans(7));

  EXPECT_TRUE(Eventually([this] { return exported_ + Lost(SpanLoss::kExportFailed) == 12; }));
  EXPECT_GE(Lost(SpanLoss::kExportFailed), 5);
  EXPECT_EQ(failures_, 1);
  EXPECT_THAT(Messages(), ElementsAre("traces were lost"));
}

TEST_F(SpanExporterTest, RejectedSpansAreCounted) {
  collector_.Answer({.rejected = 2, .error = "too old"});
  Make(Options());

  exporter_->Add(Spans(5));

  EXPECT_TRUE(Eventually([this] { return exported_ == 3; }));
  EXPECT_EQ(Lost(SpanLoss::kRejected), 2);
  EXPECT_TRUE(Eventually([this] { return !Messages().empty(); }));
  EXPECT_THAT(Messages(), ElementsAre("the collector rejected spans"));
}

TEST_F(SpanExporterTest, AStopDoesNotWaitForARetry) {
  collector_.Answer(Retry(milliseconds(50'000)));
  SpanExporterOptions options = Options();
  options.stop_time = std::chrono::hours(1);
  Make(options);
  exporter_->Add(Spans(5));
  collector_.WaitForTries(1);

  const Clock::time_point before = Clock::now();
  exporter_->Stop();

  EXPECT_LT(Clock::now() - before, std::chrono::seconds(30));
  EXPECT_EQ(Lost(SpanLoss::kExportFailed) + exported_, 5);
}

}  // namespace
}  // namespace bayespfl::server
