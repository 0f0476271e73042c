// The process's own metrics, by the names that Prometheus's client libraries share.
//
//   process_cpu_seconds_total        counter  user and system time
//   process_start_time_seconds       gauge    since the Unix epoch
//   process_resident_memory_bytes    gauge
//   process_virtual_memory_bytes     gauge
//   process_open_fds                 gauge    file descriptors; the one that it takes to count them is left out
//   process_max_fds                  gauge    the soft limit
#ifndef BAYESPFL_SERVER_TELEMETRY_PROCESS_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_PROCESS_METRICS_H_

#include <filesystem>
#include <utility>
#include <vector>

#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace bayespfl::server {

// Reads at the time of the scrape, a fraction of a millisecond. What cannot be read has no series. Thread-safe.
class ProcessMetrics final : public prometheus::Collectable {
 public:
  // `proc` is where Linux's proc file system is.
  explicit ProcessMetrics(std::filesystem::path proc = "/proc") : proc_(std::move(proc)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const std::filesystem::path proc_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_PROCESS_METRICS_H_
