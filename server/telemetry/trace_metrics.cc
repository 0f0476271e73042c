#include "server/telemetry/trace_metrics.h"

#include "server/telemetry/metric_family.h"

namespace bayespfl::server {
namespace {

constexpr std::array<const char*, kSpanLosses> kReasons = {"over_limit", "queue_full", "export_failed", "rejected",
                                                           "stopped"};  // SpanLoss's order

}  // namespace

std::vector<prometheus::MetricFamily> TraceMetrics::Collect() const {
  using prometheus::MetricType;
  prometheus::MetricFamily exported =
      NewFamily("bayespfl_trace_spans_exported_total", "Spans that the collector took.", MetricType::Counter);
  prometheus::MetricFamily dropped = NewFamily(
      "bayespfl_trace_spans_dropped_total", "Spans that did not get to the collector, by reason.", MetricType::Counter);
  prometheus::MetricFamily failures = NewFamily("bayespfl_trace_export_failures_total",
                                                "Tries to send a batch of spans that failed.", MetricType::Counter);
  prometheus::MetricFamily queue =
      NewFamily("bayespfl_trace_queue_spans", "Spans waiting to be sent to the collector.", MetricType::Gauge);
  prometheus::MetricFamily limit = NewFamily("bayespfl_trace_queue_spans_limit",
                                             "Spans that may wait; then new ones are dropped.", MetricType::Gauge);
  AddMetric({}, exported_.Collect(), exported);
  for (size_t i = 0; i < kSpanLosses; ++i) AddMetric({{"reason", kReasons.at(i)}}, lost_.at(i).Collect(), dropped);
  AddMetric({}, failures_.Collect(), failures);
  AddMetric({}, queue_.Collect(), queue);
  AddMetric({}, limit_.Collect(), limit);
  return WithSeries({exported, dropped, failures, queue, limit});
}

}  // namespace bayespfl::server
