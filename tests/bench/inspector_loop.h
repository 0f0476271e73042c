// The same pictures without a server: what the frames of one are compared with.
#ifndef BAYESPFL_TESTS_BENCH_INSPECTOR_LOOP_H_
#define BAYESPFL_TESTS_BENCH_INSPECTOR_LOOP_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/bench/child_process.h"
#include "tests/bench/process_usage.h"

namespace bayespfl {

struct InspectorLoopOptions {
  std::string model;                  // a package's folder
  std::string category;               // what the pictures are of
  std::vector<std::string> pictures;  // encoded ones, at least one; they are inspected in turn
  bool mask = false;                  // each is to give the mask as a PNG of its size
};

// A process that inspects one picture after the other with all of the machine's threads, as bayespfl-model does: from
// the file's bytes to the complete result, by the same functions as a server, whose memory settings it has too. It
// rests but for Run(). Not thread-safe.
class InspectorLoop {
 public:
  // Returns when the model is loaded. Unavailable: it is not; the process has said why on standard error. Call it
  // before this process has a second thread, as ChildProcess::Start().
  static absl::StatusOr<std::unique_ptr<InspectorLoop>> Start(const InspectorLoopOptions& options);

  struct Result {
    uint64_t frames = 0;      // whole ones
    absl::Duration duration;  // of them together
    ProcessUsage usage;       // likewise
  };
  // Inspects for `warm_up`, and then for `duration` and until the last frame is done, which is what the result says.
  // Unavailable: a picture could not be inspected; the process has said why on standard error.
  absl::StatusOr<Result> Run(absl::Duration warm_up, absl::Duration duration) const;

 private:
  explicit InspectorLoop(std::unique_ptr<ChildProcess> process) : process_(std::move(process)) {}

  const std::unique_ptr<ChildProcess> process_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_INSPECTOR_LOOP_H_
