#include "server/security/client_limits.h"

#include <algorithm>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {

void ClientLimits::StreamLease::GiveBack() {
  if (limits_ != nullptr) std::exchange(limits_, nullptr)->CloseStream(client_);
}

absl::StatusOr<ClientLimits::StreamLease> ClientLimits::OpenStream(const std::string& client) {
  if (options_.max_streams <= 0) return StreamLease();
  MutexLock lock(mu_);
  Client& entry = Touch(client);
  if (entry.streams >= options_.max_streams) {
    return absl::ResourceExhaustedError(absl::StrCat("this client has ", entry.streams,
                                                     " open streams, max_streams_per_client = ", options_.max_streams));
  }
  ++entry.streams;
  return StreamLease(this, client);
}

void ClientLimits::CloseStream(const std::string& client) {
  MutexLock lock(mu_);
  --by_name_.at(client)->streams;
  Forget();
}

absl::Status ClientLimits::TakeFrames(const std::string& client, size_t frames, absl::Duration& retry_after) {
  if (options_.max_frames_per_second <= 0) return absl::OkStatus();
  if (frames > static_cast<size_t>(options_.max_frames_per_second)) {
    return absl::InvalidArgumentError(
        absl::StrCat(frames, " frames are more than a client may ever send at once: ",
                     "max_frames_per_second_per_client = ", options_.max_frames_per_second));
  }
  const double rate = options_.max_frames_per_second;
  const auto wanted = static_cast<double>(frames);
  MutexLock lock(mu_);
  Client& entry = Touch(client);
  const auto now = options_.now();
  const double elapsed = std::chrono::duration<double>(now - entry.counted).count();
  entry.frames = std::min(rate, entry.frames + std::max(0.0, elapsed) * rate);
  entry.counted = now;
  if (entry.frames >= wanted) {
    entry.frames -= wanted;
    return absl::OkStatus();
  }
  retry_after = absl::Seconds((wanted - entry.frames) / rate);
  return absl::ResourceExhaustedError(
      absl::StrCat("this client sends too fast, max_frames_per_second_per_client = ", options_.max_frames_per_second));
}

int ClientLimits::OpenStreams(const std::string& client) const {
  MutexLock lock(mu_);
  const auto found = by_name_.find(client);
  return found == by_name_.end() ? 0 : found->second->streams;
}

size_t ClientLimits::clients() const {
  MutexLock lock(mu_);
  return clients_.size();
}

// The client's entry, moved to the front; a new one may send a second's worth of frames.
ClientLimits::Client& ClientLimits::Touch(const std::string& name) {
  if (const auto found = by_name_.find(name); found != by_name_.end()) {
    clients_.splice(clients_.begin(), clients_, found->second);
    return clients_.front();
  }
  clients_.push_front({.name = name,
                       .streams = 0,
                       .frames = static_cast<double>(options_.max_frames_per_second),
                       .counted = options_.now()});
  by_name_.emplace(name, clients_.begin());
  Forget();
  return clients_.front();
}

// Back to max_clients, or as near as open streams allow; max_streams of the server bounds those. The front is never
// touched: it is the one at hand.
void ClientLimits::Forget() {
  auto last = clients_.end();
  while (clients_.size() > std::max<size_t>(1, options_.max_clients) && std::prev(last) != clients_.begin()) {
    --last;
    if (last->streams > 0) continue;
    by_name_.erase(last->name);
    last = clients_.erase(last);
  }
}

}  // namespace bayespfl::server
