// The server that is measured: the real one, with the model that answers at once behind it, or with a real one.
#ifndef BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_
#define BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/process_usage.h"

namespace bayespfl {

struct BenchServerOptions {
  int port = 0;            // of 127.0.0.1, for gRPC; 0: a free one
  std::string model = {};  // a package's folder; empty: InstantDetector
  int replicas = 1;        // of the model, which share the processors, >= 1
  int map_side = 518;      // pixels of InstantDetector's map, >= 10
};

// Serves in this process until SIGINT or SIGTERM comes, or for `time`, with the server's usual settings; says on
// standard output where. Unavailable: the port cannot be bound. Call it before the process has a second thread.
absl::Status ServeHere(const BenchServerOptions& options, absl::Duration time);

// The same server in a process of its own. Not thread-safe.
class BenchServer {
 public:
  // Returns when frames are served. Unavailable: the server did not start; it has said why on standard error. Call it
  // before the process has a second thread, as ChildProcess::Start().
  static absl::StatusOr<std::unique_ptr<BenchServer>> Start(const BenchServerOptions& options);

  std::string address() const;  // "127.0.0.1:50051"
  // So far. NotFound: the server has died.
  absl::StatusOr<ProcessUsage> usage() const { return process_->usage(); }

 private:
  BenchServer(std::unique_ptr<ChildProcess> process, int port) : process_(std::move(process)), port_(port) {}

  const std::unique_ptr<ChildProcess> process_;
  const int port_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_BENCH_SERVER_H_
