#include "server/program/signal_thread.h"

#include <pthread.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

sigset_t HandledSignals() {
  sigset_t signals = StopSignals();
  sigaddset(&signals, SIGHUP);
  return signals;
}

// "pid:123 uid:0"; of a signal that the kernel sent, a terminal's say, nothing.
std::string SenderOf(const siginfo_t& info) {
  if (info.si_code != SI_USER && info.si_code != SI_QUEUE && info.si_code != SI_TKILL) return "";
  return absl::StrCat("pid:", info.si_pid, " uid:", info.si_uid);
}

std::string NameOf(int signal) {
  if (signal == SIGHUP) return "SIGHUP";
  return signal == SIGINT ? "SIGINT" : "SIGTERM";
}

}  // namespace

void BlockSignals() {
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}

SignalThread::SignalThread(SignalActions actions) : actions_(std::move(actions)), thread_([this] { Run(); }) {}

SignalThread::~SignalThread() {
  done_ = true;
  // Wakes the wait; nothing else can. The signal is blocked in that thread, so it ends the wait and not the process.
  // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
  pthread_kill(thread_.native_handle(), SIGTERM);
  thread_.join();
}

void SignalThread::Run() {
  const sigset_t handled = HandledSignals();
  for (;;) {
    siginfo_t info = {};
    const int signal = sigwaitinfo(&handled, &info);
    if (done_) return;
    if (signal < 0) continue;  // the process was stopped and goes on
    actions_.on_signal({.name = NameOf(signal), .sender = SenderOf(info)});
    if (signal != SIGHUP) break;
    actions_.reload();
  }
  actions_.stop();
  const sigset_t signals = StopSignals();
  const timespec longest = {.tv_sec = actions_.patience.count(), .tv_nsec = 0};
  int signal = 0;
  do {
    signal = sigtimedwait(&signals, nullptr, &longest);
  } while (signal < 0 && errno == EINTR);  // the process was stopped and goes on
  if (done_) return;
  if (signal > 0) return actions_.leave(signal);
  actions_.give_up();
}

}  // namespace bayespfl::server
