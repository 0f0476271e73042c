#include "server/telemetry/trace_sampler.h"

#include <gtest/gtest.h>

#include <chrono>
#include <string>

#include "absl/strings/str_format.h"

namespace bayespfl::server {
namespace {

class TraceSamplerTest : public ::testing::Test {
 protected:
  TraceSamplerOptions Options(double ratio) {
    return {
        .ratio = ratio, .slow = std::chrono::milliseconds(500), .max_per_second = 2, .clock = [this] { return now_; }};
  }

  static TraceDecision Decide(TraceSampler& sampler, const std::string& flags, FrameOutcome outcome = FrameOutcome::kOk,
                              std::chrono::milliseconds took = std::chrono::milliseconds(1)) {
    const TraceContext trace{
        .trace_id = "4bf92f3577b34da6a3ce929d0e0e4736", .span_id = {}, .parent_span_id = {}, .flags = flags};
    return sampler.Decide({.trace = trace, .randomness = "a3ce929d0e0e4736", .outcome = outcome, .took = took});
  }

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

// As OpenTelemetry's SDKs do: the last eight bytes of the trace id, as a number, below the ratio of 2^64.
TEST_F(TraceSamplerTest, TheRatioLooksAtTheDigitsAsANumber) {
  EXPECT_TRUE(TakenByRatio("7fffffffffffffff", 0.5));
  EXPECT_FALSE(TakenByRatio("8000000000000000", 0.5));
  EXPECT_TRUE(TakenByRatio("1999999999999999", 0.1));
  EXPECT_FALSE(TakenByRatio("199999999999a000", 0.1));
}

TEST_F(TraceSamplerTest, RatiosOfNothingAndEverything) {
  EXPECT_FALSE(TakenByRatio("0000000000000000", 0));
  EXPECT_TRUE(TakenByRatio("ffffffffffffffff", 1));
}

TEST_F(TraceSamplerTest, AboutTheRatioOfEvenlySpreadIdsIsTaken) {
  int taken = 0;
  for (uint64_t i = 0; i < 10000; ++i) {
    taken += TakenByRatio(absl::StrFormat("%016x", i * 0x9e3779b97f4a7c15U), 0.25) ? 1 : 0;
  }

  EXPECT_NEAR(taken, 2500, 100);
}

TEST_F(TraceSamplerTest, WhatTheCallerTracesIsTraced) {
  TraceSampler sampler(Options(0));

  EXPECT_EQ(Decide(sampler, "01"), TraceDecision::kTrace);
  EXPECT_EQ(Decide(sampler, "03"), TraceDecision::kTrace) << "other flags beside it";
  EXPECT_EQ(Decide(sampler, "00"), TraceDecision::kSkip);
  EXPECT_EQ(Decide(sampler, "02"), TraceDecision::kSkip);
}

TEST_F(TraceSamplerTest, WhatHasNoResultIsTracedUnlessNobodyWantsIt) {
  for (const FrameOutcome outcome : {FrameOutcome::kInvalid, FrameOutcome::kRefused, FrameOutcome::kUnavailable,
                                     FrameOutcome::kExpired, FrameOutcome::kFailed}) {
    TraceSampler sampler(Options(0));
    EXPECT_EQ(Decide(sampler, "00", outcome), TraceDecision::kTrace) << FrameOutcomeName(outcome);
  }
  for (const FrameOutcome outcome : {FrameOutcome::kOk, FrameOutcome::kCancelled, FrameOutcome::kSkipped}) {
    TraceSampler sampler(Options(0));
    EXPECT_EQ(Decide(sampler, "00", outcome), TraceDecision::kSkip) << FrameOutcomeName(outcome);
  }
}

TEST_F(TraceSamplerTest, WhatIsSlowIsTraced) {
  TraceSampler sampler(Options(0));

  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kOk, std::chrono::milliseconds(500)), TraceDecision::kSkip);
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kOk, std::chrono::milliseconds(501)), TraceDecision::kTrace);
}

TEST_F(TraceSamplerTest, WithoutAThresholdNothingIsSlow) {
  TraceSamplerOptions options = Options(0);
  options.slow = std::chrono::milliseconds(0);
  TraceSampler sampler(options);

  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kOk, std::chrono::hours(1)), TraceDecision::kSkip);
}

TEST_F(TraceSamplerTest, ErrorsAreLimitedPerSecond) {
  TraceSampler sampler(Options(0));
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kRefused), TraceDecision::kTrace);
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kTrace);
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kOverLimit);

  now_ += std::chrono::milliseconds(499);
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kOverLimit);
  now_ += std::chrono::milliseconds(2);
  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kTrace)
      << "two a second are one in half of it";
}

TEST_F(TraceSamplerTest, AQuietTimeSavesNoMoreThanASecondsWorth) {
  TraceSampler sampler(Options(0));
  now_ += std::chrono::hours(1);

  int traced = 0;
  for (int i = 0; i < 10; ++i) traced += Decide(sampler, "00", FrameOutcome::kFailed) == TraceDecision::kTrace ? 1 : 0;

  EXPECT_EQ(traced, 2);
}

TEST_F(TraceSamplerTest, SlowRequestsDoNotTakeThePlaceOfErrors) {
  TraceSampler sampler(Options(0));
  for (int i = 0; i < 10; ++i) Decide(sampler, "00", FrameOutcome::kOk, std::chrono::seconds(1));

  EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kTrace);
}

TEST_F(TraceSamplerTest, TheLimitIsNotForWhatIsTracedAnyway) {
  TraceSampler sampler(Options(1));
  for (int i = 0; i < 10; ++i) EXPECT_EQ(Decide(sampler, "00", FrameOutcome::kFailed), TraceDecision::kTrace);
}

}  // namespace
}  // namespace bayespfl::server
