#include "server/pipeline/error_reason.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {
namespace {

// Of this process alone: ToProto() and ToGrpcStatus() (api/status.h) turn them into the contract's fields.
constexpr absl::string_view kReasonPayload = "bayespfl.server/reason";
constexpr absl::string_view kFieldPayload = "bayespfl.server/field";
constexpr absl::string_view kRetryPayload = "bayespfl.server/retry_nanoseconds";

constexpr std::array<absl::string_view, kErrorReasons> kNames = {
    // ErrorReason's order
    "UNSPECIFIED",     "MALFORMED_MESSAGE", "INVALID_FIELD",     "INVALID_PICTURE", "PICTURE_TOO_LARGE",
    "STREAM_PROTOCOL", "MODEL_NOT_FOUND",   "QUEUE_FULL",        "BYTES_FULL",      "STREAMS_FULL",
    "RATE_LIMITED",    "FRAME_TOO_LARGE",   "MESSAGE_TOO_LARGE", "NOT_READY",       "DRAINING",
    "NO_REPLICA",      "MAX_STREAM_AGE",    "DEADLINE_EXCEEDED", "CANCELLED",       "DEVICE_FAILED",
    "INTERNAL",        "UNAUTHENTICATED",   "PERMISSION_DENIED", "DEVICE_HUNG"};

ErrorReason ReasonOfRefusal(Refusal refusal) {
  switch (refusal) {
    case Refusal::kQueueFull:
      return ErrorReason::kQueueFull;
    case Refusal::kBytesFull:
      return ErrorReason::kBytesFull;
    case Refusal::kClientLimit:
      return ErrorReason::kRateLimited;
    case Refusal::kNotReady:
      return ErrorReason::kNotReady;
    case Refusal::kDraining:
      return ErrorReason::kDraining;
    case Refusal::kUnknownModel:
      return ErrorReason::kModelNotFound;
    case Refusal::kNoReplica:
      return ErrorReason::kNoReplica;
    case Refusal::kDeviceHung:
      return ErrorReason::kDeviceHung;
    case Refusal::kNotPermitted:
      return ErrorReason::kPermissionDenied;
    case Refusal::kInvalid:
      return ErrorReason::kInvalidField;
    case Refusal::kExpired:
      return ErrorReason::kDeadlineExceeded;
    case Refusal::kCancelled:
      return ErrorReason::kCancelled;
  }
  return ErrorReason::kUnspecified;
}

ErrorReason ReasonOfCode(absl::StatusCode code) {
  switch (code) {
    case absl::StatusCode::kInvalidArgument:
      return ErrorReason::kInvalidField;
    case absl::StatusCode::kNotFound:
      return ErrorReason::kModelNotFound;
    case absl::StatusCode::kDeadlineExceeded:
      return ErrorReason::kDeadlineExceeded;
    case absl::StatusCode::kCancelled:
      return ErrorReason::kCancelled;
    case absl::StatusCode::kInternal:
      return ErrorReason::kInternal;
    case absl::StatusCode::kUnauthenticated:
      return ErrorReason::kUnauthenticated;
    case absl::StatusCode::kPermissionDenied:
      return ErrorReason::kPermissionDenied;
    default:
      return ErrorReason::kUnspecified;
  }
}

}  // namespace

absl::string_view ErrorReasonName(ErrorReason reason) { return kNames.at(static_cast<size_t>(reason)); }

absl::Status WithReason(absl::Status status, ErrorReason reason) {
  status.SetPayload(kReasonPayload, absl::Cord(ErrorReasonName(reason)));
  return status;
}

ErrorReason ReasonOf(const absl::Status& status) {
  if (const absl::optional<absl::Cord> payload = status.GetPayload(kReasonPayload); payload.has_value()) {
    const auto* const name = std::find(kNames.begin(), kNames.end(), *payload);
    if (name != kNames.end()) return static_cast<ErrorReason>(name - kNames.begin());
  }
  if (const std::optional<Refusal> refusal = RefusalOf(status)) return ReasonOfRefusal(*refusal);
  return ReasonOfCode(status.code());
}

absl::Status InvalidField(absl::string_view field, absl::string_view what) {
  absl::Status status = absl::InvalidArgumentError(absl::StrCat(field, " ", what));
  status.SetPayload(kFieldPayload, absl::Cord(field));
  return WithReason(std::move(status), ErrorReason::kInvalidField);
}

std::string FieldOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kFieldPayload);
  return payload.has_value() ? std::string(*payload) : std::string();
}

absl::Status WithRetryDelay(absl::Status status, absl::Duration delay) {
  status.SetPayload(kRetryPayload, absl::Cord(absl::StrCat(absl::ToInt64Nanoseconds(delay))));
  return status;
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRetryPayload);
  int64_t nanoseconds = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &nanoseconds)) return std::nullopt;
  return absl::Nanoseconds(nanoseconds);
}

absl::Status WithMessage(const absl::Status& status, absl::string_view message) {
  absl::Status other(status.code(), message);
  status.ForEachPayload(
      [&other](absl::string_view type_url, const absl::Cord& payload) { other.SetPayload(type_url, payload); });
  return other;
}

}  // namespace bayespfl::server
