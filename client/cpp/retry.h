// Which errors make a frame go out again, and when: docs/clients.md, the same for the clients of all languages.
#ifndef BAYESPFL_CLIENT_CPP_RETRY_H_
#define BAYESPFL_CLIENT_CPP_RETRY_H_

#include <cstdint>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/error.pb.h"

namespace bayespfl::client {

// Waiting times: 100 ms, times 1.5 each time, each give or take a fifth, never more than 5 s. Not thread-safe.
class Backoff {
 public:
  absl::Duration Next();
  void Reset() { base_ = kFirst; }

 private:
  static constexpr absl::Duration kFirst = absl::Milliseconds(100);

  absl::Duration base_ = kFirst;
  absl::BitGen random_;
};

// The connection broke, or something between client and server damaged what it carried: there is no word of the
// server's own. Also true of CANCELLED, which says so only if the caller did not cancel.
bool IsConnectionLost(const absl::Status& status);

// What another server may not say: this one stops, or has lost or not yet loaded its model.
bool AnotherServerMayHelp(inspection::v1::ErrorReason reason);

// One frame's, or one unary call's. Not thread-safe.
class Retry {
 public:
  // Whether what got `status` may be sent again, and if so after how long; negative: it may not. Counts those that are
  // good for one more attempt only.
  absl::Duration Delay(const absl::Status& status);

 private:
  Backoff backoff_;
  bool device_failed_ = false;
};

// `status` with "(tried 3 times in 2.5s)" behind its message, and all that belongs to it; 0: "(could not be sent in
// 2s)".
absl::Status Tried(const absl::Status& status, uint32_t attempts, absl::Duration time);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_RETRY_H_
