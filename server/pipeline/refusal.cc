#include "server/pipeline/refusal.h"

#include <algorithm>
#include <array>

#include "absl/strings/cord.h"
#include "absl/types/optional.h"

namespace bayespfl::server {
namespace {

constexpr std::array<absl::string_view, kRefusals> kNames = {
    // Refusal's order
    "queue_full", "bytes_full",  "client_limit",  "not_ready", "draining", "unknown_model",
    "no_replica", "device_hung", "not_permitted", "invalid",   "expired",  "cancelled"};

}  // namespace

absl::string_view RefusalName(Refusal refusal) { return kNames.at(static_cast<size_t>(refusal)); }

absl::Status WithRefusal(absl::Status status, Refusal refusal) {
  status.SetPayload(kRefusalPayload, absl::Cord(RefusalName(refusal)));
  return status;
}

std::optional<Refusal> RefusalOf(const absl::Status& status) {
  const absl::optional<absl::Cord> payload = status.GetPayload(kRefusalPayload);
  if (!payload.has_value()) return std::nullopt;
  const auto* const name = std::find(kNames.begin(), kNames.end(), *payload);
  if (name == kNames.end()) return std::nullopt;
  return static_cast<Refusal>(name - kNames.begin());
}

}  // namespace bayespfl::server
