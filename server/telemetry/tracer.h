// The server's traces: which requests become spans, and where they go.
#ifndef BAYESPFL_SERVER_TELEMETRY_TRACER_H_
#define BAYESPFL_SERVER_TELEMETRY_TRACER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/telemetry/log.h"
#include "server/telemetry/otlp_endpoint.h"
#include "server/telemetry/record.h"
#include "server/telemetry/request_spans.h"
#include "server/telemetry/span_exporter.h"
#include "server/telemetry/trace_metrics.h"
#include "server/telemetry/trace_sampler.h"

namespace bayespfl::server {

struct TracerOptions {
  TraceSamplerOptions sampler;
  SpanNames names;
  SpanExporterOptions exporter;  // its functions are the tracer's to set
};

// Nothing is made of a request that is not sampled, and nothing here waits for the collector. Thread-safe, but for the
// destructor. What RequestAnswered() returned does not outlive the tracer.
class Tracer {
 public:
  // `metrics` outlives the tracer.
  Tracer(TracerOptions options, std::unique_ptr<SpanSender> sender, TraceMetrics& metrics, Logger logger);
  Tracer(const Tracer&) = delete;
  Tracer& operator=(const Tracer&) = delete;

  // A request is about to be answered. Its spans end when what is returned is called.
  ReplyGone RequestAnswered(const RequestRecord& request);

  // A call ended. That of a stream gets a span when it is sampled, or one of its messages was; the other calls with
  // frames have theirs from RequestAnswered().
  void CallEnded(const CallRecord& call, const absl::Status& status);

  // SpanExporter::Stop().
  void Stop() { exporter_->Stop(); }

 private:
  const SpanNames names_;
  TraceMetrics& metrics_;
  TraceSampler sampler_;
  const std::unique_ptr<SpanExporter> exporter_;
};

// What the settings say.
struct TracingOptions {
  OtlpSettings settings;      // with an endpoint
  std::string service_name;   // service.name of the resource
  std::string version;        // of the program
  TracerOptions tracer = {};  // but for the exporter's sender
};

// Reads the files that the settings name. InvalidArgument, or the file system's error: the message names the key.
absl::StatusOr<std::unique_ptr<Tracer>> CreateTracer(TracingOptions options, TraceMetrics& metrics, Logger logger);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_TRACER_H_
