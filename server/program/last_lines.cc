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
void WaitForLastLines(int signal, siginfo_t* info, void* /*context*/) {
  constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 1'000'000};
  int quiet = 0;  // milliseconds; a captured line is on its way for some
  for (int i = 0; i < kLastLinesPatience.count() && quiet < 20; ++i) {
    quiet = unwritten->pending_bytes() == 0 ? quiet + 1 : 0;
    nanosleep(&kMoment, nullptr);
  }
  // An instruction that faults does so again when this returns, and ends the process with its own place. What somebody
  // sent, abort() among them, would be over: it comes again, with the default action.
  if (info->si_code <= 0) raise(signal);
}

}  // namespace

void WriteLastLinesOnCrash(const Log& log) {
  unwritten = log.queue();
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    struct sigaction action = {};
    if (sigaction(signal, nullptr, &action) != 0 || action.sa_handler != SIG_DFL) continue;
    action = {};
    action.sa_sigaction = WaitForLastLines;
    action.sa_flags = static_cast<int>(SA_RESETHAND | SA_SIGINFO);
    sigaction(signal, &action, nullptr);
  }
}

}  // namespace bayespfl::server
