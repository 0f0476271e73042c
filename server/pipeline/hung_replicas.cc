#include "server/pipeline/hung_replicas.h"

#include <algorithm>

#include "server/pipeline/errors.h"

namespace bayespfl::server {

std::optional<size_t> HungReplicas::First() const {
  const auto first =
      std::find_if(hung_.begin(), hung_.end(), [](const std::atomic<bool>& hung) { return hung.load(); });
  if (first == hung_.end()) return std::nullopt;
  return static_cast<size_t>(first - hung_.begin());
}

absl::Status HungReplicas::CanServe(const ServedModel& model) const {
  bool works = false;
  for (size_t i = 0; i < std::min(hung_.size(), model.replicas()); ++i) {
    if (!model.Works(i)) continue;
    if (!hung_[i].load()) return absl::OkStatus();
    works = true;
  }
  return works ? DeviceHung(model.name()) : NoReplicaLeft(model.name());
}

}  // namespace bayespfl::server
