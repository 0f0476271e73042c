// The lines before a crash: a log that is written by a thread of its own would lose them.
#ifndef BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_
#define BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_

#include "server/telemetry/log.h"

namespace bayespfl::server {

// From now on a signal that says of a crash waits, for kLastLinesPatience at most, until the log's lines are written,
// and then ends the process as it would have:
// - SIGABRT: a failed check of gRPC, Abseil or Protobuf, an exception that nobody catches, a damaged heap
// - SIGSEGV, SIGBUS, SIGFPE, SIGILL: but for a stack that is full, which leaves no room for the wait
// A signal that somebody else handles by now, a sanitizer say, is left alone. `log` lives until the process ends.
void WriteLastLinesOnCrash(const Log& log);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_
