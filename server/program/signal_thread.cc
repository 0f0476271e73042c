#include "server/program/signal_thread.h"

#include <pthread.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

sigset_t HandledSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGHUP, SIGTERM, SIGINT}) sigaddset(&signals, signal);
  return signals;
}

// 0 when it has passed, or when there is none.
timespec TimeUntil(std::optional<SteadyTime> end) {
  if (!end.has_value()) return {};
  const std::chrono::nanoseconds left = std::max<std::chrono::nanoseconds>(*end - std::chrono::steady_clock::now(), {});
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(left);
  return {.tv_sec = seconds.count(), .tv_nsec = (left - seconds).count()};
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
  while (const std::optional<int> signal = Wait(std::nullopt)) {
    if (*signal != SIGHUP) break;
    actions_.reload();
  }
  if (done_) return;
  actions_.stop();
  // A reload comes too late for a server that stops.
  const SteadyTime end = std::chrono::steady_clock::now() + actions_.patience;
  std::optional<int> signal;
  do {
    signal = Wait(end);
  } while (signal == SIGHUP);
  if (done_) return;
  if (signal.has_value()) return actions_.leave(*signal);
  actions_.give_up();
}

std::optional<int> SignalThread::Wait(std::optional<SteadyTime> end) {
  const sigset_t handled = HandledSignals();
  for (;;) {
    siginfo_t info = {};
    const timespec left = TimeUntil(end);
    const int signal = end.has_value() ? sigtimedwait(&handled, &info, &left) : sigwaitinfo(&handled, &info);
    if (done_) return std::nullopt;
    if (signal < 0 && errno != EAGAIN) continue;  // the process was stopped and goes on
    if (signal < 0) return std::nullopt;
    actions_.on_signal({.name = NameOf(signal), .sender = SenderOf(info)});
    return signal;
  }
}

}  // namespace bayespfl::server
