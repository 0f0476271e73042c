#include "server/api/status.h"

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"
#include "server/api/rpc_details.pb.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

// The serialized details of a status, by the full name of their message.
std::map<std::string, std::string> Details(const grpc::Status& status) {
  rpc::Status wire;
  EXPECT_TRUE(wire.ParseFromString(status.error_details()));
  EXPECT_EQ(wire.code(), status.error_code());
  EXPECT_EQ(wire.message(), status.error_message());
  std::map<std::string, std::string> details;
  for (const google::protobuf::Any& any : wire.details()) {
    details[std::string(absl::StripPrefix(any.type_url(), "type.googleapis.com/"))] = any.value();
  }
  return details;
}

template <typename Message>
Message Parse(const std::string& bytes) {
  Message message;
  EXPECT_TRUE(message.ParseFromString(bytes));
  return message;
}

TEST(StatusTest, MessagesAreEscapedAndCut) {
  EXPECT_EQ(WireMessage("bad \xFF"), "bad \\xff");
  EXPECT_EQ(WireMessage(std::string(5000, 'a')).size(), kMaxErrorMessageBytes);
  std::string umlauts(301, ' ');
  for (int i = 0; i < 1000; ++i) umlauts += "\xC3\xBC";
  EXPECT_TRUE(IsUtf8(WireMessage(umlauts)));
}

TEST(StatusTest, AFrameErrorSaysAllThatIsKnown) {
  const v1::FrameError error =
      ToProto(WithRetryDelay(InvalidField("options.samples", "is 0; expected 1 to 64"), absl::Milliseconds(1500)));

  EXPECT_EQ(error.code(), 3);
  EXPECT_EQ(error.reason(), v1::ERROR_REASON_INVALID_FIELD);
  EXPECT_EQ(error.message(), "options.samples is 0; expected 1 to 64");
  ASSERT_EQ(error.violations_size(), 1);
  EXPECT_EQ(error.violations(0).field(), "options.samples");
  EXPECT_EQ(error.violations(0).description(), "is 0; expected 1 to 64");
  EXPECT_EQ(error.retry_delay().seconds(), 1);
  EXPECT_EQ(error.retry_delay().nanos(), 500'000'000);
}

TEST(StatusTest, AFrameErrorInventsNothing) {
  const v1::FrameError error = ToProto(absl::InternalError("broken"));

  EXPECT_EQ(error.code(), 13);
  EXPECT_EQ(error.reason(), v1::ERROR_REASON_INTERNAL);
  EXPECT_EQ(error.violations_size(), 0);
  EXPECT_FALSE(error.has_retry_delay());
}

// Names and numbers of google.rpc, as https://google.aip.dev/193 has them: what generic clients read.
TEST(StatusTest, GenericClientsFindGooglesDetails) {
  const grpc::Status status = ToGrpcStatus(WithRetryDelay(InvalidField("options.samples", "is 0"), absl::Seconds(2)));

  const std::map<std::string, std::string> details = Details(status);
  ASSERT_EQ(details.size(), 4U);
  const auto info = Parse<rpc::ErrorInfo>(details.at("google.rpc.ErrorInfo"));
  EXPECT_EQ(info.reason(), "INVALID_FIELD");
  EXPECT_EQ(info.domain(), "inspection.bayespfl");
  EXPECT_EQ(Parse<rpc::BadRequest>(details.at("google.rpc.BadRequest")).field_violations(0).field(), "options.samples");
  EXPECT_EQ(Parse<rpc::RetryInfo>(details.at("google.rpc.RetryInfo")).retry_delay().seconds(), 2);
  EXPECT_EQ(Parse<v1::FrameError>(details.at("bayespfl.inspection.v1.FrameError")).reason(),
            v1::ERROR_REASON_INVALID_FIELD);
}

TEST(StatusTest, DetailsHoldOnlyWhatThereIsToSay) {
  const std::map<std::string, std::string> details = Details(ToGrpcStatus(absl::InternalError("x")));

  EXPECT_EQ(details.size(), 2U);
  EXPECT_EQ(details.count("google.rpc.ErrorInfo"), 1U);
  EXPECT_EQ(details.count("bayespfl.inspection.v1.FrameError"), 1U);
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).error_details().empty());
}

// Peers take 8 KiB of trailers; gRPC writes a byte of the message as up to three, and details in base 64.
TEST(StatusTest, TheLongestErrorFitsIntoTheTrailers) {
  const std::string what = absl::StrCat("is ", std::string(5000, '\xFF'));
  const grpc::Status status =
      ToGrpcStatus(WithRetryDelay(InvalidField(std::string(5000, 'f'), what), absl::Seconds(1)));

  EXPECT_LT(3 * status.error_message().size() + status.error_details().size() * 4 / 3, 8000U);
}

TEST(StatusTest, ARefusalByAServerThatDrainsSaysSo) {
  EXPECT_EQ(ToProto(WithRefusal(absl::UnavailableError("stops"), Refusal::kDraining)).reason(),
            v1::ERROR_REASON_DRAINING);
}

TEST(StatusTest, CodesHaveTheirNames) {
  EXPECT_EQ(CodeName(grpc::StatusCode::UNAUTHENTICATED), "UNAUTHENTICATED");
  EXPECT_EQ(CodeName(grpc::StatusCode::DATA_LOSS), "DATA_LOSS");
}

}  // namespace
}  // namespace bayespfl::server
