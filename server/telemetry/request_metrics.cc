#include "server/telemetry/request_metrics.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "prometheus/counter.h"
#include "prometheus/histogram.h"
#include "server/telemetry/buckets.h"
#include "server/telemetry/metric_family.h"

namespace bayespfl::server {
namespace {

using prometheus::MetricType;

constexpr size_t kCodes = static_cast<size_t>(absl::StatusCode::kUnauthenticated) + 1;  // gRPC's, without gaps

}  // namespace

struct RequestMetrics::Series {
  std::array<prometheus::Counter, kCodes> calls;  // by code
  prometheus::Histogram seconds{BucketsOf(kRequestBuckets)};
};

RequestMetrics::RequestMetrics(const std::vector<std::string>& methods) {
  for (const std::string& method : methods) methods_[method] = std::make_unique<Series>();
}

RequestMetrics::~RequestMetrics() = default;

void RequestMetrics::Count(absl::string_view method, absl::StatusCode code, double seconds) {
  const auto found = methods_.find(method);
  if (found == methods_.end()) return;
  const auto index = static_cast<size_t>(code);
  found->second->calls.at(index < kCodes ? index : static_cast<size_t>(absl::StatusCode::kUnknown)).Increment();
  found->second->seconds.Observe(seconds);
}

std::vector<prometheus::MetricFamily> RequestMetrics::Collect() const {
  prometheus::MetricFamily calls =
      NewFamily("bayespfl_requests_total", "Calls that ended, by gRPC method and status code.", MetricType::Counter);
  prometheus::MetricFamily seconds =
      NewFamily("bayespfl_request_duration_seconds",
                "Wall-clock seconds of calls that ended; of streams, of all of it.", MetricType::Histogram);
  for (const auto& [method, series] : methods_) {
    for (size_t code = 0; code < kCodes; ++code) {
      AddMetric({{"code", absl::StatusCodeToString(static_cast<absl::StatusCode>(code))}, {"method", method}},
                series->calls.at(code).Collect(), calls);
    }
    AddMetric({{"method", method}}, series->seconds.Collect(), seconds);
  }
  return WithSeries({calls, seconds});
}

}  // namespace bayespfl::server
