#include "server/runtime/record_keeper.h"

#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/pipeline/steady_time.h"
#include "server/runtime/component_options.h"
#include "server/telemetry/trace_metrics.h"

namespace bayespfl::server {

absl::StatusOr<std::unique_ptr<RecordKeeper>> RecordKeeper::Open(const ServerConfig& config, Metrics& metrics,
                                                                 const std::shared_ptr<FaultInjector>& faults,
                                                                 const Logger& logger) {
  auto keeper = std::unique_ptr<RecordKeeper>(new RecordKeeper(config, metrics, logger));
  absl::Status status = keeper->OpenResultLog(config, faults);
  if (status.ok()) status = keeper->OpenTraces(config);
  if (!status.ok()) return status;
  return keeper;
}

RecordKeeper::RecordKeeper(const ServerConfig& config, Metrics& metrics, const Logger& logger)
    : metrics_(metrics), logger_(logger), events_(logger, {.max_lines = config.log_max_repeats}) {}

absl::Status RecordKeeper::OpenResultLog(const ServerConfig& config, const std::shared_ptr<FaultInjector>& faults) {
  if (config.result_log.empty()) return absl::OkStatus();
  ResultSinkOptions options = ResultSinkOptionsOf(config);
  options.faults = faults;
  options.on_line = [this](ResultLine what) { metrics_.CountResultLine(what); };
  options.on_queue_bytes = [this](int64_t change) { metrics_.OnResultQueueChange(change); };
  absl::StatusOr<std::unique_ptr<ResultSink>> sink = ResultSink::Create(std::move(options), logger_);
  if (!sink.ok()) {
    return absl::Status(sink.status().code(), absl::StrCat("result_log: ", sink.status().message()));
  }
  results_ = *std::move(sink);
  return absl::OkStatus();
}

absl::Status RecordKeeper::OpenTraces(const ServerConfig& config) {
  if (config.otlp_endpoint.empty()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<Tracer>> tracer = CreateTracer(TracingOptionsOf(config), metrics_.traces(), logger_);
  if (!tracer.ok()) return tracer.status();
  tracer_ = *std::move(tracer);
  return absl::OkStatus();
}

void RecordKeeper::CallFinished(const CallRecord& call, const absl::Status& status) {
  metrics_.CountRequest(call.method, status.code(), SecondsSince(call.start));
  events_.CallFinished(call, status);
  if (tracer_ != nullptr) tracer_->CallEnded(call, status);
}

ReplyGone RecordKeeper::RequestAnswered(const RequestRecord& request) {
  for (const FrameRecord& frame : request.frames) {
    events_.FrameAnswered(frame);
    if (results_ != nullptr) results_->Write(frame);
  }
  return tracer_ != nullptr ? tracer_->RequestAnswered(request) : ReplyGone();
}

void RecordKeeper::Close() {
  if (results_ != nullptr) results_->Flush();
  if (tracer_ != nullptr) tracer_->Stop();
}

}  // namespace bayespfl::server
