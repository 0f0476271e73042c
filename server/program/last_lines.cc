#include "server/program/last_lines.h"

#include <csignal>
#include <ctime>

#include "server/program/announcer.h"
#include "server/telemetry/line_queue.h"

namespace bayespfl::server {
namespace {

const LineQueue* unwritten = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

// The thread that writes the log goes on while this one sleeps; it may hang on a lock that this one holds, so not for
// long.
void WaitForLastLines(int /*signal*/) {
  constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 1'000'000};
  int quiet = 0;  // milliseconds; a captured line is on its way for some
  for (int i = 0; i < kLastLinesPatience.count() && quiet < 20; ++i) {
    quiet = unwritten->pending_bytes() == 0 ? quiet + 1 : 0;
    nanosleep(&kMoment, nullptr);
  }
}

}  // namespace

void WriteLastLinesOnAbort(const Log& log) {
  unwritten = log.queue();
  struct sigaction action = {};
  action.sa_handler = WaitForLastLines;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGABRT, &action, nullptr);
}

}  // namespace bayespfl::server
