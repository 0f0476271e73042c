#include "server/runtime/port_events.h"

#include <cstdint>
#include <utility>

namespace bayespfl::server {

PortEvents PortEventsTo(Metrics& metrics, const Logger& logger) {
  return {
      .on_unknown_method = [&metrics] { metrics.CountUnknownMethod(); },
      .on_connection_refused = [&metrics] { metrics.CountRefusedConnection(); },
      .on_connection_shortage =
          [logger](const std::string& reason) {
            logger->Error("no connection can be taken; those that come wait", {{"error", reason}});
          },
      .on_connections_broken =
          [&metrics, logger](size_t connections) {
            metrics.CountBrokenConnections(connections);
            logger->Warning(
                "connections were broken off: too much on its way over them, too many calls, or call after call reset",
                {{"connections", static_cast<int64_t>(connections)}});
          }};
}

}  // namespace bayespfl::server
