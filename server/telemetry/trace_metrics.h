// The metrics of the export of traces.
//
//   bayespfl_trace_spans_exported_total           counter  spans that the collector took
//   bayespfl_trace_spans_dropped_total{reason}    counter  spans that did not get there: over_limit, queue_full,
//                                                          export_failed, rejected, stopped
//   bayespfl_trace_export_failures_total          counter  tries to send a batch that failed, also those that succeeded
//                                                          later
//   bayespfl_trace_queue_spans                    gauge    spans waiting to be sent
//   bayespfl_trace_queue_spans_limit              gauge    how many may; then new ones are dropped
#ifndef BAYESPFL_SERVER_TELEMETRY_TRACE_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_TRACE_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/metric_family.h"
#include "server/telemetry/span_exporter.h"

namespace bayespfl::server {

// All series are there from the start, also without an otlp_endpoint. Thread-safe.
class TraceMetrics final : public prometheus::Collectable {
 public:
  TraceMetrics() { limit_.Set(static_cast<double>(SpanExporterOptions().max_queue_spans)); }

  void CountExported(int64_t spans) { exported_.Increment(static_cast<double>(spans)); }
  void CountLost(SpanLoss why, int64_t spans) {
    lost_.at(static_cast<size_t>(why)).Increment(static_cast<double>(spans));
  }
  void CountFailure() { failures_.Increment(); }
  void OnQueueChange(int64_t spans) { queue_.Increment(static_cast<double>(spans)); }

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  prometheus::Counter exported_;
  std::array<prometheus::Counter, kSpanLosses> lost_;  // SpanLoss's order
  prometheus::Counter failures_;
  prometheus::Gauge queue_;
  prometheus::Gauge limit_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_TRACE_METRICS_H_
