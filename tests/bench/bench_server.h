// The server that is measured: the real one, with the model that answers at once behind it.
#ifndef BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_
#define BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_

#include <sys/types.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/descriptor.h"
#include "tests/bench/process_usage.h"

namespace bayespfl {

struct BenchServerOptions {
  int port = 0;        // of 127.0.0.1, for gRPC; 0: a free one
  int map_side = 518;  // pixels of the model's map, >= 10
};

// Serves in this process until SIGINT or SIGTERM comes, or for `time`, with the server's usual settings; says on
// standard output where. Unavailable: the port cannot be bound. Call it before the process has a second thread.
absl::Status ServeHere(const BenchServerOptions& options, absl::Duration time);

// The same server in a process of its own, so that what it uses is told apart from what its clients use. Not
// thread-safe.
class BenchServer {
 public:
  // Returns when frames are served. Call it before the process has a second thread: it forks, and runs no other
  // program.
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(const BenchServerOptions& options);
  // Ends the process: at once when it does not within ten seconds. It ends as well when this process does, in whatever
  // way.
  ~BenchServer();
  BenchServer(const BenchServer&) = delete;
  BenchServer& operator=(const BenchServer&) = delete;

  std::string address() const;  // "127.0.0.1:50051"
  // So far. NotFound: the server has died.
  absl::StatusOr<ProcessUsage> usage() const { return UsageOf(process_); }

 private:
  BenchServer(pid_t process, int port, Descriptor keep_alive);

  const pid_t process_;
  const int port_;
  Descriptor keep_alive_;  // the server ends when nobody holds it
};

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_
