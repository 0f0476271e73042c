#include "server/api/status.h"

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "base/utf8.h"
#include "server/api/rpc_details.pb.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

constexpr std::array<absl::string_view, 17> kCodeNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

static_assert(static_cast<int>(ErrorReason::kPermissionDenied) == v1::ERROR_REASON_PERMISSION_DENIED);
static_assert(kErrorReasons == v1::ErrorReason_ARRAYSIZE);

// A violation stands in the details twice, beside the message.
constexpr size_t kMaxViolationBytes = 256;

// At most so many bytes of UTF-8, and not within a character.
std::string Cut(std::string text, size_t bytes) {
  if (text.size() <= bytes) return text;
  while (bytes > 0 && (static_cast<uint8_t>(text[bytes]) & 0xC0) == 0x80) --bytes;
  text.resize(bytes);
  return text;
}

template <typename Message>
void AddDetail(const Message& message, absl::string_view type_name, rpc::Status& status) {
  google::protobuf::Any& detail = *status.add_details();
  detail.set_type_url(absl::StrCat("type.googleapis.com/", type_name));
  detail.set_value(message.SerializeAsString());
}

}  // namespace

std::string WireMessage(absl::string_view message) {
  return Cut(IsUtf8(message) ? std::string(message) : absl::CHexEscape(message), kMaxErrorMessageBytes);
}

google::protobuf::Duration ToProto(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

v1::FrameError ToProto(const absl::Status& status) {
  v1::FrameError error;
  error.set_code(static_cast<int>(status.code()));
  error.set_reason(static_cast<v1::ErrorReason>(ReasonOf(status)));
  error.set_message(WireMessage(status.message()));
  if (const std::string field = FieldOf(status); !field.empty()) {
    v1::FieldViolation& violation = *error.add_violations();
    violation.set_field(Cut(WireMessage(field), kMaxViolationBytes));
    const absl::string_view message = status.message();
    violation.set_description(
        Cut(WireMessage(absl::StripPrefix(absl::StripPrefix(message, field), " ")), kMaxViolationBytes));
  }
  if (const std::optional<absl::Duration> delay = RetryDelayOf(status)) *error.mutable_retry_delay() = ToProto(*delay);
  return error;
}

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const v1::FrameError error = ToProto(status);
  rpc::Status details;
  details.set_code(error.code());
  details.set_message(error.message());
  rpc::ErrorInfo info;
  info.set_reason(std::string(ErrorReasonName(ReasonOf(status))));
  info.set_domain(std::string(kErrorDomain));
  AddDetail(info, "google.rpc.ErrorInfo", details);
  if (error.violations_size() > 0) {
    rpc::BadRequest request;
    for (const v1::FieldViolation& violation : error.violations()) {
      rpc::BadRequest::FieldViolation& wrong = *request.add_field_violations();
      wrong.set_field(violation.field());
      wrong.set_description(violation.description());
    }
    AddDetail(request, "google.rpc.BadRequest", details);
  }
  if (error.has_retry_delay()) {
    rpc::RetryInfo retry;
    *retry.mutable_retry_delay() = error.retry_delay();
    AddDetail(retry, "google.rpc.RetryInfo", details);
  }
  AddDetail(error, v1::FrameError::descriptor()->full_name(), details);
  return {static_cast<grpc::StatusCode>(error.code()), error.message(), details.SerializeAsString()};
}

absl::Duration RetryDelay(const Pipeline& pipeline) {
  return std::clamp(absl::FromChrono(pipeline.RetryDelay()), absl::Milliseconds(10), absl::Seconds(5));
}

absl::Status WithRetryDelay(absl::Status status, const Pipeline& pipeline) {
  const bool passes = absl::IsResourceExhausted(status) && ReasonOf(status) != ErrorReason::kFrameTooLarge;
  if (!passes || RetryDelayOf(status).has_value()) return status;
  return WithRetryDelay(std::move(status), RetryDelay(pipeline));
}

absl::string_view CodeName(grpc::StatusCode code) {
  const auto index = static_cast<size_t>(code);
  return index < kCodeNames.size() ? kCodeNames[index] : "UNKNOWN";
}

}  // namespace bayespfl::server
