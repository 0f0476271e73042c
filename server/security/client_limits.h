// How much one client may take, so that a single one cannot crowd out the others.
#ifndef BAYESPFL_SERVER_SECURITY_CLIENT_LIMITS_H_
#define BAYESPFL_SERVER_SECURITY_CLIENT_LIMITS_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <list>
#include <string>
#include <unordered_map>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"

namespace bayespfl::server {

struct ClientLimitsOptions {
  int max_streams = 0;            // open at once, of one client; 0: no limit
  int max_frames_per_second = 0;  // of one client; 0: no limit. A client that was quiet for a second may send a
                                  // second's worth of frames at once
  size_t max_clients = 4096;      // >= 1, remembered; the one that was quiet longest is forgotten first, which gives it
                                  // a full second's worth again. Clients with open streams are never forgotten
  std::function<std::chrono::steady_clock::time_point()> now = [] { return std::chrono::steady_clock::now(); };
};

// A client is any string; client_identity.h makes them. Thread-safe. Outlives its leases.
class ClientLimits {
 public:
  // The place of one open stream; given back by the destructor. Not thread-safe.
  class StreamLease {
   public:
    StreamLease() = default;  // of nothing
    ~StreamLease() { GiveBack(); }
    StreamLease(StreamLease&& other) noexcept
        : limits_(std::exchange(other.limits_, nullptr)), client_(std::move(other.client_)) {}
    StreamLease& operator=(StreamLease&& other) noexcept {
      if (this != &other) {
        GiveBack();
        limits_ = std::exchange(other.limits_, nullptr);
        client_ = std::move(other.client_);
      }
      return *this;
    }

   private:
    friend class ClientLimits;
    StreamLease(ClientLimits* limits, std::string client) : limits_(limits), client_(std::move(client)) {}
    void GiveBack();

    ClientLimits* limits_ = nullptr;
    std::string client_;
  };

  explicit ClientLimits(ClientLimitsOptions options) : options_(std::move(options)) {}
  ClientLimits(const ClientLimits&) = delete;
  ClientLimits& operator=(const ClientLimits&) = delete;

  // ResourceExhausted: `client` has max_streams open; the message says so.
  absl::StatusOr<StreamLease> OpenStream(const std::string& client);

  // Takes all of `frames` >= 1 or none. ResourceExhausted: `client` would be over max_frames_per_second; `retry_after`
  // is then how long it takes until so many may come, else it is left alone. InvalidArgument: they are more than a
  // client may ever send at once.
  absl::Status TakeFrames(const std::string& client, size_t frames, absl::Duration& retry_after);

  // How many `client` has open; 0 too where max_streams knows no limit, for then nobody counts.
  int OpenStreams(const std::string& client) const;

  // How many clients are remembered.
  size_t clients() const;

 private:
  struct Client {
    std::string name;
    int streams = 0;
    double frames = 0;  // that may come now; fractional
    std::chrono::steady_clock::time_point counted;
  };
  using Clients = std::list<Client>;  // the one that was quiet longest comes last

  Client& Touch(const std::string& name) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void CloseStream(const std::string& client);

  const ClientLimitsOptions options_;
  mutable Mutex mu_;
  Clients clients_ ABSL_GUARDED_BY(mu_);
  std::unordered_map<std::string, Clients::iterator> by_name_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_CLIENT_LIMITS_H_
