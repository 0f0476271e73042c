// Families of metrics that are put together at the time of a scrape.
#ifndef BAYESPFL_SERVER_TELEMETRY_METRIC_FAMILY_H_
#define BAYESPFL_SERVER_TELEMETRY_METRIC_FAMILY_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "prometheus/client_metric.h"
#include "prometheus/metric_family.h"
#include "prometheus/metric_type.h"

namespace bayespfl::server {

using MetricLabels = std::vector<prometheus::ClientMetric::Label>;  // by name, in alphabetical order

prometheus::MetricFamily NewFamily(absl::string_view name, absl::string_view help, prometheus::MetricType type);

// A series of a family of counters or gauges.
void AddValue(MetricLabels labels, double value, prometheus::MetricFamily& family);

// A series of what Collect() of a counter, gauge or histogram gave.
void AddMetric(MetricLabels labels, prometheus::ClientMetric metric, prometheus::MetricFamily& family);

// Those of the families that have a series.
std::vector<prometheus::MetricFamily> WithSeries(std::vector<prometheus::MetricFamily> families);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_METRIC_FAMILY_H_
