#include "bayespfl/client/errors.h"

#include <algorithm>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace bayespfl::client {

using inspection::v1::ErrorReason;
using inspection::v1::FieldViolation;
using inspection::v1::FrameError;

FrameError FrameErrorOf(const absl::Status& status) {
  FrameError error;
  const absl::optional<absl::Cord> payload = status.GetPayload(kFrameErrorUrl);
  if (payload.has_value() && !error.ParseFromString(std::string(*payload))) error.Clear();
  error.set_code(status.raw_code());
  error.set_message(std::string(status.message()));
  return error;
}

ErrorReason ErrorReasonOf(const absl::Status& status) { return FrameErrorOf(status).reason(); }

std::string ErrorReasonName(ErrorReason reason) {
  if (reason == inspection::v1::ERROR_REASON_UNSPECIFIED) return "";
  const std::string& name = inspection::v1::ErrorReason_Name(reason);
  return name.empty() ? absl::StrCat(static_cast<int>(reason)) : std::string(absl::StripPrefix(name, "ERROR_REASON_"));
}

std::optional<absl::Duration> RetryDelayOf(const absl::Status& status) {
  const FrameError error = FrameErrorOf(status);
  if (!error.has_retry_delay()) return std::nullopt;
  const absl::Duration delay =
      absl::Seconds(error.retry_delay().seconds()) + absl::Nanoseconds(error.retry_delay().nanos());
  return std::max(delay, absl::ZeroDuration());
}

std::string RequestIdOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRequestIdUrl);
  return payload.has_value() ? std::string(*payload) : std::string();
}

uint32_t AttemptsOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kAttemptsUrl);
  uint32_t attempts = 0;
  return payload.has_value() && absl::SimpleAtoi(std::string(*payload), &attempts) ? attempts : 0;
}

std::vector<FieldViolation> ViolationsOf(const absl::Status& status) {
  const FrameError error = FrameErrorOf(status);
  return {error.violations().begin(), error.violations().end()};
}

}  // namespace bayespfl::client
