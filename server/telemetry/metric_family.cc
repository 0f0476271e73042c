#include "server/telemetry/metric_family.h"

#include <string>
#include <utility>

namespace bayespfl::server {

prometheus::MetricFamily NewFamily(absl::string_view name, absl::string_view help, prometheus::MetricType type) {
  return {.name = std::string(name), .help = std::string(help), .type = type, .metric = {}};
}

void AddValue(MetricLabels labels, double value, prometheus::MetricFamily& family) {
  prometheus::ClientMetric metric;
  if (family.type == prometheus::MetricType::Counter) {
    metric.counter.value = value;
  } else {
    metric.gauge.value = value;
  }
  AddMetric(std::move(labels), std::move(metric), family);
}

void AddMetric(MetricLabels labels, prometheus::ClientMetric metric, prometheus::MetricFamily& family) {
  metric.label = std::move(labels);
  family.metric.push_back(std::move(metric));
}

std::vector<prometheus::MetricFamily> WithSeries(std::vector<prometheus::MetricFamily> families) {
  std::erase_if(families, [](const prometheus::MetricFamily& family) { return family.metric.empty(); });
  return families;
}

}  // namespace bayespfl::server
