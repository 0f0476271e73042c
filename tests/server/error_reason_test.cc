#include "server/pipeline/error_reason.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "bayespfl/inspection/v1/error.pb.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

TEST(ErrorReasonTest, NamesAndNumbersAreThoseOfTheContract) {
  for (int i = 0; i < kErrorReasons; ++i) {
    ASSERT_TRUE(v1::ErrorReason_IsValid(i)) << i;
    EXPECT_EQ(v1::ErrorReason_Name(static_cast<v1::ErrorReason>(i)),
              absl::StrCat("ERROR_REASON_", ErrorReasonName(static_cast<ErrorReason>(i))));
  }
  EXPECT_FALSE(v1::ErrorReason_IsValid(kErrorReasons));
}

TEST(ErrorReasonTest, AGivenReasonWinsOverRefusalAndCode) {
  absl::Status status = absl::ResourceExhaustedError("full");
  EXPECT_EQ(ReasonOf(status), ErrorReason::kUnspecified) << "the code alone does not say what is full";
  status = WithRefusal(status, Refusal::kQueueFull);
  EXPECT_EQ(ReasonOf(status), ErrorReason::kQueueFull);
  status = WithReason(status, ErrorReason::kFrameTooLarge);
  EXPECT_EQ(ReasonOf(status), ErrorReason::kFrameTooLarge);
}

TEST(ErrorReasonTest, EveryRefusalHasAReasonOfItsOwn) {
  std::set<ErrorReason> reasons;
  for (size_t i = 0; i < kRefusals; ++i) {
    reasons.insert(ReasonOf(WithRefusal(absl::UnknownError("no"), static_cast<Refusal>(i))));
  }
  EXPECT_EQ(reasons.size(), kRefusals);
  EXPECT_EQ(reasons.count(ErrorReason::kUnspecified), 0U);
}

TEST(ErrorReasonTest, OkHasNone) { EXPECT_EQ(ReasonOf(absl::OkStatus()), ErrorReason::kUnspecified); }

TEST(ErrorReasonTest, AFieldIsNamedInTheMessageAndApart) {
  const absl::Status status = InvalidField("options.samples", "is 0; expected 1 to 64");

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "options.samples is 0; expected 1 to 64");
  EXPECT_EQ(FieldOf(status), "options.samples");
  EXPECT_EQ(ReasonOf(status), ErrorReason::kInvalidField);
  EXPECT_EQ(FieldOf(absl::InvalidArgumentError("options.samples is 0")), "");
}

TEST(ErrorReasonTest, RetryDelaysAreKeptToTheNanosecond) {
  const absl::Status status = WithRetryDelay(absl::ResourceExhaustedError("full"), absl::Nanoseconds(1'234'567'891));

  EXPECT_EQ(RetryDelayOf(status), absl::Nanoseconds(1'234'567'891));
  EXPECT_FALSE(RetryDelayOf(absl::ResourceExhaustedError("full")).has_value());
}

TEST(ErrorReasonTest, AnotherMessageKeepsAllThatBelongsToTheStatus) {
  const absl::Status status =
      WithRetryDelay(WithRefusal(absl::ResourceExhaustedError("full"), Refusal::kBytesFull), absl::Seconds(1));

  const absl::Status named = WithMessage(status, "image[1]: full");

  EXPECT_EQ(named.code(), status.code());
  EXPECT_EQ(named.message(), "image[1]: full");
  EXPECT_EQ(ReasonOf(named), ErrorReason::kBytesFull);
  EXPECT_EQ(RefusalOf(named), Refusal::kBytesFull);
  EXPECT_EQ(RetryDelayOf(named), absl::Seconds(1));
}

}  // namespace
}  // namespace bayespfl::server
