// Whose call it is, as far as its frames go.
#ifndef BAYESPFL_SERVER_API_CALL_CLIENT_H_
#define BAYESPFL_SERVER_API_CALL_CLIENT_H_

#include <string>

#include "absl/status/status.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/refusal.h"

namespace bayespfl::server {

struct CallClient {
  std::string name = {};            // FrameRequest::client
  absl::Status high_priority = {};  // OK, or why none of its frames may have Priority::kHigh
};

// OK, or why a frame of this priority is refused; with its RefusalOf(). Thread-safe.
inline absl::Status CheckPriority(const CallClient& client, Priority priority) {
  if (priority != Priority::kHigh || client.high_priority.ok()) return absl::OkStatus();
  return WithRefusal(client.high_priority, Refusal::kNotPermitted);
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_CALL_CLIENT_H_
