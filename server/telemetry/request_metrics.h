// The metrics of calls.
//
//   bayespfl_requests_total{method,code}        counter    calls that ended, by gRPC method and status code
//   bayespfl_request_duration_seconds{method}   histogram  calls that ended: from their first moment to their status
#ifndef BAYESPFL_SERVER_TELEMETRY_REQUEST_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_REQUEST_METRICS_H_

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace bayespfl::server {

// Every method has all its series from the start, so that the first error is an increase and no call makes one.
// Thread-safe.
class RequestMetrics final : public prometheus::Collectable {
 public:
  explicit RequestMetrics(const std::vector<std::string>& methods);
  ~RequestMetrics() override;

  // A call of a method that is not one of them is not counted.
  void Count(absl::string_view method, absl::StatusCode code, double seconds);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  struct Series;

  std::map<std::string, std::unique_ptr<Series>, std::less<>> methods_;  // never changes
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_REQUEST_METRICS_H_
