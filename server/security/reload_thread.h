// Looks at files again and again, for whoever serves what they hold.
#ifndef BAYESPFL_SERVER_SECURITY_RELOAD_THREAD_H_
#define BAYESPFL_SERVER_SECURITY_RELOAD_THREAD_H_

#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Polls rather than asking the kernel for notifications: it works on every file system, with files that are replaced,
// and with the symbolic links that Kubernetes turns around when a secret changes.
class ReloadThread {
 public:
  struct Source {
    std::string name;                              // as log lines call it
    std::function<absl::StatusOr<bool>()> reload;  // true: changed; an error: what was loaded before stays
  };

  // Calls every source's reload once per `interval` on a thread of its own. A change is logged, and an error once until
  // it changes or ends. Without sources there is no thread.
  ReloadThread(std::vector<Source> sources, std::chrono::seconds interval, Logger logger);
  ~ReloadThread();  // waits for a reload under way

  // Begins a round at once, and logs the result of every source, also where nothing has changed. Returns at once.
  void ReloadNow();

  ReloadThread(const ReloadThread&) = delete;
  ReloadThread& operator=(const ReloadThread&) = delete;

 private:
  void Run();
  bool WaitForNextRound(bool& announced);

  const std::vector<Source> sources_;
  const std::chrono::seconds interval_;
  const Logger logger_;
  Mutex mu_;
  CondVar stopping_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  bool wanted_ ABSL_GUARDED_BY(mu_) = false;  // a round at once
  std::thread thread_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_SECURITY_RELOAD_THREAD_H_
