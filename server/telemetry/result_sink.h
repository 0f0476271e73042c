// The result log: one JSON line in a file for each frame that was answered, for traceability and for later evaluation.
//
//   {"time":"2026-01-31T12:00:00.123Z","camera_id":"line 3","frame_id":"17","part_id":"","capture_time":null,
//    "attempt":0,"code":"OK","reason":null,"result_id":"019c...","category":"PCB-4711 rev C","object":
//    "printed circuit board","verdict":"PASS",...,"seconds":0.08,"request_id":"..."}
//
// Every line has all keys, in this order, with those of ResultToJson() (model/verdict/result_line.h) between "reason"
// and "seconds"; they are null when the code is not OK, but for "category". A line with a result holds what it takes to
// compute it again from the picture: `replay` does.
#ifndef BAYESPFL_SERVER_TELEMETRY_RESULT_SINK_H_
#define BAYESPFL_SERVER_TELEMETRY_RESULT_SINK_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "server/pipeline/fault_injector.h"
#include "server/telemetry/log.h"
#include "server/telemetry/record.h"
#include "server/telemetry/repeat_limiter.h"
#include "server/telemetry/rotating_file.h"

namespace bayespfl::server {

// When lines are forced from the kernel's memory to the disk. What the process has written survives its own end in any
// case; this is about a loss of power.
enum class FsyncPolicy {
  kNever,     // the kernel decides, usually within half a minute
  kInterval,  // once a fsync_interval, while there is something new
  kAlways,    // after every round of the writer, which takes all lines that wait
};

// What became of a line.
enum class ResultLine {
  kWritten,
  kDropped,  // the queue was full
  kFailed,   // the disk had no room, or another error
};

struct ResultSinkOptions {
  RotatingFileOptions file = {};  // `durable` follows from `fsync`
  FsyncPolicy fsync = FsyncPolicy::kInterval;
  std::chrono::milliseconds fsync_interval{1000};
  size_t max_queue_bytes = size_t{8} << 20;         // lines that wait for the writer; beyond it they are dropped
  std::shared_ptr<FaultInjector> faults = nullptr;  // null: none
  RepeatLimits error_lines = {};                    // of the server's log, about lines that were lost
  // Called from several threads. May be empty.
  std::function<void(ResultLine what)> on_line = {};
  std::function<void(int64_t change)> on_queue_bytes = {};
};

// A line without its line feed, as above. `time` is the moment of the answer.
std::string FormatResultLine(const FrameRecord& frame, absl::Time time);

// Write() never waits for the disk: a thread of the sink's own takes the lines. What cannot be written is counted, and
// said in the log; frames go on.
//
// Thread-safe, but for the destructor.
class ResultSink {
 public:
  // Opens the file and starts the thread. Errors as RotatingFile::Open().
  static absl::StatusOr<std::unique_ptr<ResultSink>> Create(ResultSinkOptions options, Logger logger);

  // Writes to `file` instead of options.file.
  ResultSink(ResultSinkOptions options, std::unique_ptr<LineFile> file, Logger logger);
  ~ResultSink();  // Flush()
  ResultSink(const ResultSink&) = delete;
  ResultSink& operator=(const ResultSink&) = delete;

  void Write(const FrameRecord& frame);

  // Waits until every line given before has been written, or has failed, and been synced unless the policy is kNever.
  void Flush();

 private:
  void Run();
  void WaitForWork() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool WriteLines(const std::vector<std::string>& lines);
  void Sync();
  void Count(ResultLine what) const;
  void ReportLoss(absl::string_view message, const absl::Status& error);

  const ResultSinkOptions options_;
  const std::unique_ptr<LineFile> file_;  // the thread's
  const Logger logger_;
  RepeatLimiter limiter_;

  Mutex mu_;
  CondVar changed_;
  CondVar idle_;
  std::vector<std::string> queue_ ABSL_GUARDED_BY(mu_);
  size_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool busy_ ABSL_GUARDED_BY(mu_) = false;      // the thread writes or syncs
  bool unsynced_ ABSL_GUARDED_BY(mu_) = false;  // lines were written and a sync is owed
  std::chrono::steady_clock::time_point sync_due_ ABSL_GUARDED_BY(mu_);
  int flushing_ ABSL_GUARDED_BY(mu_) = 0;  // callers of Flush(), who do not wait for sync_due_
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_RESULT_SINK_H_
