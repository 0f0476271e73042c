// The lines that gRPC and Protobuf would write to standard error by themselves.
#ifndef BAYESPFL_SERVER_RUNTIME_LIBRARY_LOG_H_
#define BAYESPFL_SERVER_RUNTIME_LIBRARY_LOG_H_

#include "server/telemetry/log.h"

namespace bayespfl::server {

// From now on they are lines of `logger`, which lives until the process ends: "gRPC says" and "Protobuf says", with
// `place` (file and line) and `error` (what it says). Of one place at most `max_repeats` lines in 10 seconds.
//
// What gRPC calls an error is a warning here: clients cause most of it, with a handshake that fails, say. A check of
// gRPC that fails, which ends the process, is an error, written whatever the level and however often. Of Protobuf only
// that is written: what a client's bytes make it complain about is said in the answer to the call.
void WriteLibraryLogsTo(const Logger& logger, int max_repeats);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_LIBRARY_LOG_H_
