#include "client/cpp/retry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "bayespfl/client/errors.h"
#include "bayespfl/inspection/v1/error.pb.h"
#include "client/cpp/call_errors.h"

namespace bayespfl::client {
namespace {

using inspection::v1::ErrorReason;
using ::testing::AllOf;
using ::testing::Ge;
using ::testing::Le;

// As the server says it.
absl::Status ErrorOf(absl::StatusCode code, ErrorReason reason, absl::Duration retry_delay = absl::ZeroDuration()) {
  inspection::v1::FrameError error;
  error.set_code(static_cast<int>(code));
  error.set_reason(reason);
  error.set_message("no");
  if (retry_delay > absl::ZeroDuration()) {
    error.mutable_retry_delay()->set_seconds(absl::ToInt64Seconds(retry_delay));
  }
  return FromFrameError(error);
}

bool SentAgain(const absl::Status& status) { return Retry().Delay(status) >= absl::ZeroDuration(); }

TEST(BackoffTest, GrowsByHalfFromATenthOfASecondToFiveSecondsGiveOrTakeAFifth) {
  Backoff backoff;
  double expected = 0.1;
  for (int i = 0; i < 40; ++i) {
    const double most = std::min(1.2 * expected, 5.0);
    EXPECT_THAT(absl::ToDoubleSeconds(backoff.Next()), AllOf(Ge(0.8 * expected - 1e-6), Le(most + 1e-6)));
    expected = std::min(1.5 * expected, 5.0);
  }
  EXPECT_EQ(expected, 5.0);
  backoff.Reset();
  EXPECT_LE(backoff.Next(), absl::Milliseconds(120));
}

TEST(BackoffTest, TwoClientsDoNotComeBackTogether) {
  Backoff one;
  Backoff other;

  EXPECT_NE(one.Next(), other.Next());
}

TEST(RetryTest, SendsAgainForTheReasonsThatTheContractCallsSafe) {
  for (const auto& [code, reason] : {
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_QUEUE_FULL},
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_BYTES_FULL},
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_STREAMS_FULL},
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_RATE_LIMITED},
           std::pair{absl::StatusCode::kUnavailable, inspection::v1::ERROR_REASON_NOT_READY},
           std::pair{absl::StatusCode::kUnavailable, inspection::v1::ERROR_REASON_DRAINING},
           std::pair{absl::StatusCode::kUnavailable, inspection::v1::ERROR_REASON_NO_REPLICA},
           std::pair{absl::StatusCode::kUnavailable, inspection::v1::ERROR_REASON_DEVICE_HUNG},
           std::pair{absl::StatusCode::kUnavailable, inspection::v1::ERROR_REASON_MAX_STREAM_AGE},
           std::pair{absl::StatusCode::kUnavailable, static_cast<ErrorReason>(999)},
       }) {
    EXPECT_TRUE(SentAgain(ErrorOf(code, reason))) << ErrorReasonName(reason);
  }
}

TEST(RetryTest, NothingElseOfTheServersIsSentAgain) {
  for (const auto& [code, reason] : {
           std::pair{absl::StatusCode::kInvalidArgument, inspection::v1::ERROR_REASON_INVALID_FIELD},
           std::pair{absl::StatusCode::kInvalidArgument, inspection::v1::ERROR_REASON_INVALID_PICTURE},
           std::pair{absl::StatusCode::kInvalidArgument, inspection::v1::ERROR_REASON_MALFORMED_MESSAGE},
           std::pair{absl::StatusCode::kDeadlineExceeded, inspection::v1::ERROR_REASON_DEADLINE_EXCEEDED},
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_FRAME_TOO_LARGE},
           std::pair{absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE},
           std::pair{absl::StatusCode::kNotFound, inspection::v1::ERROR_REASON_MODEL_NOT_FOUND},
           std::pair{absl::StatusCode::kInternal, inspection::v1::ERROR_REASON_INTERNAL},
           std::pair{absl::StatusCode::kInternal, static_cast<ErrorReason>(999)},
           std::pair{absl::StatusCode::kUnauthenticated, inspection::v1::ERROR_REASON_UNAUTHENTICATED},
           std::pair{absl::StatusCode::kPermissionDenied, inspection::v1::ERROR_REASON_PERMISSION_DENIED},
       }) {
    EXPECT_FALSE(SentAgain(ErrorOf(code, reason))) << ErrorReasonName(reason);
  }
}

TEST(RetryTest, ABrokenConnectionHasNoWordOfTheServers) {
  for (const grpc::StatusCode code : {grpc::StatusCode::UNAVAILABLE, grpc::StatusCode::INTERNAL,
                                      grpc::StatusCode::UNKNOWN, grpc::StatusCode::CANCELLED}) {
    EXPECT_TRUE(SentAgain(FromGrpcStatus({code, "the socket closed"}))) << code;
  }
  for (const grpc::StatusCode code : {grpc::StatusCode::DEADLINE_EXCEEDED, grpc::StatusCode::RESOURCE_EXHAUSTED,
                                      grpc::StatusCode::UNAUTHENTICATED, grpc::StatusCode::UNIMPLEMENTED}) {
    EXPECT_FALSE(SentAgain(FromGrpcStatus({code, "no"}))) << code;
  }
}

TEST(RetryTest, ADeviceThatFailedIsTriedOnceMore) {
  const absl::Status failed = ErrorOf(absl::StatusCode::kInternal, inspection::v1::ERROR_REASON_DEVICE_FAILED);
  Retry retry;

  EXPECT_GE(retry.Delay(failed), absl::ZeroDuration());
  EXPECT_LT(retry.Delay(failed), absl::ZeroDuration());
}

TEST(RetryTest, WaitsAtLeastAsLongAsTheServerSays) {
  const absl::Status busy =
      ErrorOf(absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_QUEUE_FULL, absl::Seconds(3));

  EXPECT_EQ(Retry().Delay(busy), absl::Seconds(3));
}

TEST(TriedTest, KeepsCodeReasonAndDelay) {
  const absl::Status busy =
      ErrorOf(absl::StatusCode::kResourceExhausted, inspection::v1::ERROR_REASON_QUEUE_FULL, absl::Seconds(3));

  const absl::Status tried = Tried(busy, 3, absl::Milliseconds(2500));

  EXPECT_EQ(tried.code(), busy.code());
  EXPECT_EQ(tried.message(), "no (tried 3 times in 2.5s)");
  EXPECT_EQ(ErrorReasonOf(tried), inspection::v1::ERROR_REASON_QUEUE_FULL);
  EXPECT_EQ(RetryDelayOf(tried), absl::Seconds(3));
}

}  // namespace
}  // namespace bayespfl::client
