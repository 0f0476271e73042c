// What the gRPC ports tell of what no service sees.
#ifndef BAYESPFL_SERVER_RUNTIME_PORT_EVENTS_H_
#define BAYESPFL_SERVER_RUNTIME_PORT_EVENTS_H_

#include <cstddef>
#include <functional>
#include <string>

#include "server/telemetry/log.h"
#include "server/telemetry/metrics.h"

namespace bayespfl::server {

// Called from many threads at once. Each may be empty.
struct PortEvents {
  std::function<void()> on_unknown_method;  // once for every call of a method that no service has

  // A connection was closed as soon as it had come, because there are as many as may be.
  std::function<void()> on_connection_refused;

  // No connection can be taken: the process has no descriptor left for one, or the system no memory. Once when that
  // begins, with what the system says.
  std::function<void(const std::string& reason)> on_connection_shortage;

  // So many connections were broken off (ConnectionTable): for what was on its way over them, or for calls that were
  // reset one after another.
  std::function<void(size_t connections)> on_connections_broken;
};

// Counted in `metrics`, which outlives them; a shortage is an error in the log.
PortEvents PortEventsTo(Metrics& metrics, const Logger& logger);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_PORT_EVENTS_H_
