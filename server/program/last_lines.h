// The lines before a crash: a log that is written by a thread of its own would lose them.
#ifndef BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_
#define BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_

#include "server/telemetry/log.h"

namespace bayespfl::server {

// From now on abort() waits, for kLastLinesPatience at most, until the log's lines are written, and then ends the
// process as it would have. abort() is how a failed check of gRPC, Abseil or Protobuf, an exception that nobody
// catches, and a damaged heap end. `log` lives until the process ends.
void WriteLastLinesOnAbort(const Log& log);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PROGRAM_LAST_LINES_H_
