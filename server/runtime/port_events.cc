#include "server/runtime/port_events.h"

#include <utility>

namespace bayespfl::server {

PortEvents PortEventsTo(Metrics& metrics, Logger logger) {
  return {.on_unknown_method = [&metrics] { metrics.CountUnknownMethod(); },
          .on_connection_refused = [&metrics] { metrics.CountRefusedConnection(); },
          .on_connection_shortage =
              [logger = std::move(logger)](const std::string& reason) {
                logger->Error("no connection can be taken; those that come wait", {{"error", reason}});
              }};
}

}  // namespace bayespfl::server
