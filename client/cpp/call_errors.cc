#include "client/cpp/call_errors.h"

#include <google/protobuf/unknown_field_set.h>

#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bayespfl/client/errors.h"

namespace bayespfl::client {
namespace {

using google::protobuf::UnknownField;
using google::protobuf::UnknownFieldSet;
using inspection::v1::ErrorReason;
using inspection::v1::FrameError;

// Field numbers of google.rpc.Status and google.protobuf.Any. They are read as bare fields: a program that links
// another library's stubs of google.rpc would otherwise have its files registered twice.
constexpr int kStatusDetails = 3;
constexpr int kAnyTypeUrl = 1;
constexpr int kAnyValue = 2;
// Of a status whose FrameError says only what its code does.
constexpr absl::string_view kMadeHereUrl = "bayespfl.client/made_here";
constexpr absl::string_view kFrameErrorName = "/bayespfl.inspection.v1.FrameError";

absl::StatusCode CodeOf(int code) {
  constexpr int kLastCode = static_cast<int>(absl::StatusCode::kUnauthenticated);
  return code >= 0 && code <= kLastCode ? static_cast<absl::StatusCode>(code) : absl::StatusCode::kUnknown;
}

// The last value of a field that holds bytes; empty: there is none.
std::string BytesOf(const UnknownFieldSet& message, int number) {
  std::string bytes;
  for (int i = 0; i < message.field_count(); ++i) {
    const UnknownField& field = message.field(i);
    if (field.number() == number && field.type() == UnknownField::TYPE_LENGTH_DELIMITED) {
      bytes = field.length_delimited();
    }
  }
  return bytes;
}

void AddDetail(const std::string& any_bytes, absl::Status& status) {
  UnknownFieldSet any;
  if (!any.ParseFromString(any_bytes)) return;
  const std::string url = BytesOf(any, kAnyTypeUrl);
  const std::string value = BytesOf(any, kAnyValue);
  if (!absl::EndsWith(url, kFrameErrorName)) {
    if (!url.empty()) status.SetPayload(url, absl::Cord(value));
  } else if (FrameError error; error.ParseFromString(value)) {
    status.SetPayload(kFrameErrorUrl, absl::Cord(value));
  }
}

void AddDetails(const std::string& details, absl::Status& status) {
  UnknownFieldSet wire;
  if (!wire.ParseFromString(details)) return;
  for (int i = 0; i < wire.field_count(); ++i) {
    const UnknownField& field = wire.field(i);
    if (field.number() == kStatusDetails && field.type() == UnknownField::TYPE_LENGTH_DELIMITED) {
      AddDetail(field.length_delimited(), status);
    }
  }
}

// What gRPC's own answers mean; they have no details.
ErrorReason ReasonOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kResourceExhausted:
      return inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE;
    case absl::StatusCode::kUnauthenticated:
      return inspection::v1::ERROR_REASON_UNAUTHENTICATED;
    case absl::StatusCode::kPermissionDenied:
      return inspection::v1::ERROR_REASON_PERMISSION_DENIED;
    case absl::StatusCode::kDeadlineExceeded:
      return inspection::v1::ERROR_REASON_DEADLINE_EXCEEDED;
    case absl::StatusCode::kCancelled:
      return inspection::v1::ERROR_REASON_CANCELLED;
    default:
      return inspection::v1::ERROR_REASON_UNSPECIFIED;
  }
}

void AddReasonOfCode(absl::Status& status) {
  const ErrorReason reason = ReasonOfCode(status.code());
  if (reason == inspection::v1::ERROR_REASON_UNSPECIFIED || status.GetPayload(kFrameErrorUrl).has_value()) return;
  FrameError error = FrameErrorOf(status);
  error.set_reason(reason);
  status.SetPayload(kFrameErrorUrl, absl::Cord(error.SerializeAsString()));
  status.SetPayload(kMadeHereUrl, absl::Cord());
}

}  // namespace

absl::Status FromFrameError(const FrameError& error) {
  absl::StatusCode code = CodeOf(error.code());
  if (code == absl::StatusCode::kOk) code = absl::StatusCode::kInternal;
  absl::Status status(code, error.message());
  status.SetPayload(kFrameErrorUrl, absl::Cord(error.SerializeAsString()));
  return status;
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(CodeOf(static_cast<int>(status.error_code())), status.error_message());
  AddDetails(status.error_details(), result);
  AddReasonOfCode(result);
  return result;
}

bool FrameErrorIsTheServers(const absl::Status& status) {
  return status.GetPayload(kFrameErrorUrl).has_value() && !status.GetPayload(kMadeHereUrl).has_value();
}

absl::Status WithAttempts(absl::Status status, uint32_t attempts) {
  if (!status.ok()) status.SetPayload(kAttemptsUrl, absl::Cord(absl::StrCat(attempts)));
  return status;
}

absl::Status WithRequestId(absl::Status status, const std::string& request_id) {
  if (!status.ok()) status.SetPayload(kRequestIdUrl, absl::Cord(request_id));
  return status;
}

}  // namespace bayespfl::client
