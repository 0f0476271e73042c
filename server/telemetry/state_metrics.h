// The metrics of where the server stands, asked for at the time of the scrape.
//
//   bayespfl_ready                             gauge  1: /readyz answers 200, work should come in
//   bayespfl_draining                          gauge  1: no new work is taken, what was accepted is answered
//   bayespfl_draining_since_timestamp_seconds  gauge  when that began, since the Unix epoch; no series while it does
//                                                     not
//   bayespfl_connections_open                  gauge  to the inspection's port, those in their handshake too
//   bayespfl_connection_calls_open             gauge  on the connection that has most of them
//   bayespfl_grpc_unheard_calls_total          counter  calls that gRPC refused before a service heard of them
//   bayespfl_incoming_bytes                    gauge  what clients of the inspection's port have sent and no service
//                                                     has got yet
//   bayespfl_log_queue_bytes                   gauge  lines of the log that are not written yet
//   bayespfl_log_lines_dropped_total           counter  lines of the log that nobody read in time
#ifndef BAYESPFL_SERVER_TELEMETRY_STATE_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_STATE_METRICS_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "prometheus/collectable.h"
#include "prometheus/metric_family.h"

namespace bayespfl::server {

// Of the calls to all gRPC servers of this process.
struct CallCounts {
  int64_t most_open = 0;  // on one connection
  int64_t unheard = 0;    // that gRPC refused before a service heard of them, so far
};

// Who knows. All must be given, are quick, and may be called by several threads at once.
struct StateProbes {
  std::function<bool()> ready;
  std::function<std::optional<absl::Time>()> draining_since;
  std::function<size_t()> connections;
  std::function<CallCounts()> calls;        // CallCounter::Count()
  std::function<int64_t()> incoming_bytes;  // ConnectionTable::IncomingBytes()
  std::function<size_t()> log_queue_bytes;
  std::function<uint64_t()> log_lines_dropped;
};

// Thread-safe.
class StateMetrics final : public prometheus::Collectable {
 public:
  explicit StateMetrics(StateProbes probes) : probes_(std::move(probes)) {}

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  const StateProbes probes_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_STATE_METRICS_H_
