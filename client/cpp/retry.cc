#include "client/cpp/retry.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bayespfl/client/errors.h"

namespace bayespfl::client {
namespace {

constexpr double kGrowth = 1.5;
constexpr absl::Duration kLongest = absl::Seconds(5);
constexpr double kJitter = 0.2;

bool IsKnown(inspection::v1::ErrorReason reason) {
  return reason != inspection::v1::ERROR_REASON_UNSPECIFIED && inspection::v1::ErrorReason_IsValid(reason);
}

}  // namespace

absl::Duration Backoff::Next() {
  const absl::Duration delay = base_ * absl::Uniform(random_, 1 - kJitter, 1 + kJitter);
  base_ = std::min(base_ * kGrowth, kLongest);
  return std::min(delay, kLongest);
}

bool IsConnectionLost(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kUnknown:
      return !status.GetPayload(kFrameErrorUrl).has_value();
    case absl::StatusCode::kCancelled:
      return true;
    default:
      return false;
  }
}

bool AnotherServerMayHelp(inspection::v1::ErrorReason reason) {
  return reason == inspection::v1::ERROR_REASON_DRAINING || reason == inspection::v1::ERROR_REASON_NOT_READY ||
         reason == inspection::v1::ERROR_REASON_NO_REPLICA || reason == inspection::v1::ERROR_REASON_DEVICE_HUNG;
}

absl::Duration Retry::Delay(const absl::Status& status) {
  constexpr absl::Duration kNever = -absl::InfiniteDuration();
  if (!IsConnectionLost(status)) {
    switch (ErrorReasonOf(status)) {
      case inspection::v1::ERROR_REASON_QUEUE_FULL:
      case inspection::v1::ERROR_REASON_BYTES_FULL:
      case inspection::v1::ERROR_REASON_STREAMS_FULL:
      case inspection::v1::ERROR_REASON_RATE_LIMITED:
      case inspection::v1::ERROR_REASON_NOT_READY:
      case inspection::v1::ERROR_REASON_DRAINING:
      case inspection::v1::ERROR_REASON_NO_REPLICA:
      case inspection::v1::ERROR_REASON_DEVICE_HUNG:
      case inspection::v1::ERROR_REASON_MAX_STREAM_AGE:
        break;
      case inspection::v1::ERROR_REASON_DEVICE_FAILED:
        // A picture that brings a device down should not do so for a minute.
        if (device_failed_) return kNever;
        device_failed_ = true;
        break;
      default:
        // A reason of a newer contract is taken by its code, and UNAVAILABLE is safe by the contract's own words.
        if (!absl::IsUnavailable(status) || IsKnown(ErrorReasonOf(status))) return kNever;
        break;
    }
  }
  return std::max(backoff_.Next(), RetryDelayOf(status).value_or(absl::ZeroDuration()));
}

absl::Status Tried(const absl::Status& status, uint32_t attempts, absl::Duration time) {
  const std::string tries =
      attempts == 0 ? "could not be sent" : absl::StrCat("tried ", attempts, attempts == 1 ? " time" : " times");
  const std::string message = absl::StrCat(status.message(), " (", tries, " in ",
                                           absl::FormatDuration(absl::Trunc(time, absl::Milliseconds(1))), ")");
  absl::Status result(status.code(), message);
  status.ForEachPayload(
      [&result](absl::string_view url, const absl::Cord& payload) { result.SetPayload(url, payload); });
  return result;
}

}  // namespace bayespfl::client
