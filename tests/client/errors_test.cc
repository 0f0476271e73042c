#include "bayespfl/client/errors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "client/cpp/call_errors.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using inspection::v1::ErrorReason;
using inspection::v1::FrameError;
using ::testing::SizeIs;
using testing::StatusDetails;

constexpr char kUrl[] = "type.googleapis.com/bayespfl.inspection.v1.FrameError";
constexpr char kOtherUrl[] = "type.googleapis.com/google.rpc.BadRequest";

FrameError InvalidField() {
  FrameError error;
  error.set_code(3);
  error.set_reason(inspection::v1::ERROR_REASON_INVALID_FIELD);
  error.set_message("options.samples is 65");
  error.add_violations()->set_field("options.samples");
  error.mutable_violations(0)->set_description("is 65; 1 to 64 are allowed");
  error.mutable_retry_delay()->set_seconds(2);
  error.mutable_retry_delay()->set_nanos(500'000'000);
  return error;
}

absl::Status Called(grpc::StatusCode code, const std::string& message, const std::string& details = {}) {
  return FromGrpcStatus(grpc::Status(code, message, details));
}

TEST(ErrorsTest, AFramesErrorIsToldWhole) {
  const absl::Status status = FromFrameError(InvalidField());

  EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
  EXPECT_EQ(status.message(), "options.samples is 65");
  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(RetryDelayOf(status), absl::Milliseconds(2500));
  ASSERT_THAT(ViolationsOf(status), SizeIs(1));
  EXPECT_EQ(ViolationsOf(status)[0].field(), "options.samples");
  EXPECT_EQ(ViolationsOf(status)[0].description(), "is 65; 1 to 64 are allowed");
}

TEST(ErrorsTest, ACallsDetailsTellTheSame) {
  const FrameError error = InvalidField();

  const absl::Status status =
      Called(grpc::StatusCode::INVALID_ARGUMENT, error.message(),
             StatusDetails(3, error.message(), {{kOtherUrl, "other"}, {kUrl, error.SerializeAsString()}}));

  EXPECT_EQ(FrameErrorOf(status).SerializeAsString(), error.SerializeAsString());
  EXPECT_EQ(status.GetPayload(kOtherUrl), absl::Cord("other"));
}

TEST(ErrorsTest, TheHostOfATypeUrlDoesNotMatter) {
  const absl::Status status =
      Called(grpc::StatusCode::INVALID_ARGUMENT, "no",
             StatusDetails(3, "no",
                           {{"plant.example/bayespfl.inspection.v1.FrameError", InvalidField().SerializeAsString()}}));

  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_INVALID_FIELD);
}

TEST(ErrorsTest, DamagedDetailsNeverLoseCodeAndMessage) {
  const std::string whole = StatusDetails(3, "no", {{kUrl, InvalidField().SerializeAsString()}});
  for (const std::string& details :
       {std::string("\xFF\xFF"), whole.substr(0, whole.size() - 3), StatusDetails(3, "no", {{kUrl, "\x0A\x7Fshort"}}),
        StatusDetails(3, "no", {{"", "no type"}}), std::string("\x1A\x02\xFF\xFF")}) {
    const absl::Status status = Called(grpc::StatusCode::INVALID_ARGUMENT, "no", details);

    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_EQ(status.message(), "no");
    EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_UNSPECIFIED);
    EXPECT_EQ(FrameErrorOf(status).code(), 3);
  }
}

TEST(ErrorsTest, TheStatusHasTheLastWordOnCodeAndMessage) {
  const absl::Status status = Called(grpc::StatusCode::NOT_FOUND, "of the status",
                                     StatusDetails(3, "x", {{kUrl, InvalidField().SerializeAsString()}}));

  EXPECT_EQ(FrameErrorOf(status).code(), static_cast<int>(absl::StatusCode::kNotFound));
  EXPECT_EQ(FrameErrorOf(status).message(), "of the status");
}

TEST(ErrorsTest, AnAnswerOfGrpcItselfHasTheReasonOfItsCode) {
  const auto reason = [](grpc::StatusCode code) { return ErrorReasonOf(Called(code, "")); };

  EXPECT_EQ(reason(grpc::StatusCode::RESOURCE_EXHAUSTED), inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE);
  EXPECT_EQ(reason(grpc::StatusCode::UNAUTHENTICATED), inspection::v1::ERROR_REASON_UNAUTHENTICATED);
  EXPECT_EQ(reason(grpc::StatusCode::PERMISSION_DENIED), inspection::v1::ERROR_REASON_PERMISSION_DENIED);
  EXPECT_EQ(reason(grpc::StatusCode::DEADLINE_EXCEEDED), inspection::v1::ERROR_REASON_DEADLINE_EXCEEDED);
  EXPECT_EQ(reason(grpc::StatusCode::CANCELLED), inspection::v1::ERROR_REASON_CANCELLED);
  EXPECT_EQ(reason(grpc::StatusCode::UNAVAILABLE), inspection::v1::ERROR_REASON_UNSPECIFIED);
}

TEST(ErrorsTest, TheServersReasonGoesBeforeTheCodes) {
  FrameError full;
  full.set_reason(inspection::v1::ERROR_REASON_QUEUE_FULL);

  const absl::Status status = Called(grpc::StatusCode::RESOURCE_EXHAUSTED, "full",
                                     StatusDetails(8, "full", {{kUrl, full.SerializeAsString()}}));

  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_QUEUE_FULL);
}

TEST(ErrorsTest, NeverTurnsAnErrorIntoSuccess) {
  FrameError odd_code;
  odd_code.set_code(99);

  EXPECT_TRUE(absl::IsInternal(FromFrameError(FrameError())));
  EXPECT_TRUE(absl::IsUnknown(FromFrameError(odd_code)));
}

TEST(ErrorsTest, OfThisProgramsOwnErrorsNothingElseIsKnown) {
  const absl::Status status = absl::ResourceExhaustedError("no space left on the disk");

  EXPECT_EQ(ErrorReasonOf(status), inspection::v1::ERROR_REASON_UNSPECIFIED);
  EXPECT_EQ(RetryDelayOf(status), std::nullopt);
  EXPECT_THAT(ViolationsOf(status), SizeIs(0));
  EXPECT_EQ(FrameErrorOf(status).message(), "no space left on the disk");
}

TEST(ErrorsTest, ADelayIsNeverNegative) {
  FrameError error = InvalidField();
  error.mutable_retry_delay()->set_seconds(-5);

  EXPECT_EQ(RetryDelayOf(FromFrameError(error)), absl::ZeroDuration());
}

TEST(ErrorsTest, NamesReasonsAndKeepsTheNumbersOfUnknownOnes) {
  EXPECT_EQ(ErrorReasonName(inspection::v1::ERROR_REASON_QUEUE_FULL), "QUEUE_FULL");
  EXPECT_EQ(ErrorReasonName(inspection::v1::ERROR_REASON_UNSPECIFIED), "");
  EXPECT_EQ(ErrorReasonName(static_cast<ErrorReason>(987)), "987");
}

}  // namespace
}  // namespace bayespfl::client
