// What becomes of what the services tell of calls and frames: metrics, lines of the log, the result log, traces.
#ifndef BAYESPFL_SERVER_RUNTIME_RECORD_KEEPER_H_
#define BAYESPFL_SERVER_RUNTIME_RECORD_KEEPER_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/pipeline/fault_injector.h"
#include "server/runtime/config.h"
#include "server/telemetry/event_log.h"
#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"
#include "server/telemetry/record.h"
#include "server/telemetry/result_sink.h"
#include "server/telemetry/tracer.h"

namespace bayespfl::server {

// Nothing here waits for a disk or a network. Thread-safe, but for the destructor; what RequestAnswered() returned does
// not outlive the keeper.
class RecordKeeper {
 public:
  // Opens the result log and the way to the traces' collector, where the configuration wants them. Errors of the result
  // log's file begin with "result_log", those of the headers that go with traces with "otlp_headers_file". `metrics`
  // outlives the keeper; null `faults`: none.
  static absl::StatusOr<std::unique_ptr<RecordKeeper>> Open(const ServerConfig& config, Metrics& metrics,
                                                            const std::shared_ptr<FaultInjector>& faults,
                                                            const Logger& logger);
  RecordKeeper(const RecordKeeper&) = delete;
  RecordKeeper& operator=(const RecordKeeper&) = delete;

  // A call of one of MetricsOptions::methods ended.
  void CallFinished(const CallRecord& call, const absl::Status& status);

  // A message with frames is about to be answered; call what is returned when the answer has left or was dropped.
  ReplyGone RequestAnswered(const RequestRecord& request);

  // Waits, within bounds, until what was told before is on the disk and at the collector. Traces that come later are
  // lost.
  void Close();

 private:
  RecordKeeper(const ServerConfig& config, Metrics& metrics, const Logger& logger);
  absl::Status OpenResultLog(const ServerConfig& config, const std::shared_ptr<FaultInjector>& faults);
  absl::Status OpenTraces(const ServerConfig& config);

  Metrics& metrics_;
  const Logger logger_;
  EventLog events_;
  std::unique_ptr<ResultSink> results_;  // null: no result log
  std::unique_ptr<Tracer> tracer_;       // null: no traces
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_RECORD_KEEPER_H_
