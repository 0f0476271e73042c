// The life of a serving process: start, ready, stop.
#ifndef BAYESPFL_SERVER_PROGRAM_SERVE_H_
#define BAYESPFL_SERVER_PROGRAM_SERVE_H_

#include "server/runtime/command_line.h"
#include "server/runtime/settings_in_force.h"
#include "server/telemetry/log.h"

namespace bayespfl::server {

// Serves until SIGTERM or SIGINT, and announces what becomes of it; returns the exit code. BlockSignals() was called.
int Serve(const CommandLine& command_line, const SettingsReader& read_settings, const Logger& logger);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_SERVE_H_
