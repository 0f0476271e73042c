// bayespfl-server: see docs/quickstart.md, or --help.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/runtime/command_line.h"
#include "server/runtime/server.h"
#include "server/telemetry/log.h"

namespace {

using bayespfl::server::CommandLine;
using bayespfl::server::CreateLogger;
using bayespfl::server::InspectionServer;
using bayespfl::server::Logger;
using bayespfl::server::ParseCommandLine;

int Fail(const absl::Status& status) {
  std::cerr << "bayespfl-server: " << status.message() << std::endl;
  return EXIT_FAILURE;
}

sigset_t StopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  return signals;
}

// Waits for SIGTERM and SIGINT on a thread of its own; both are blocked in every other thread. The first asks the
// server to stop, the second ends the process at once.
class SignalThread {
 public:
  explicit SignalThread(InspectionServer& server) : thread_([this, &server] { Run(server); }) {}
  ~SignalThread() {
    done_ = true;
    // Wakes the wait; nothing else can. The signal is blocked in that thread, so it ends the wait and not the process.
    // NOLINTNEXTLINE(bugprone-bad-signal-to-kill-thread)
    pthread_kill(thread_.native_handle(), SIGTERM);
    thread_.join();
  }
  SignalThread(const SignalThread&) = delete;
  SignalThread& operator=(const SignalThread&) = delete;

 private:
  void Run(InspectionServer& server) {
    const sigset_t signals = StopSignals();
    for (bool first = true;; first = false) {
      int signal = 0;
      sigwait(&signals, &signal);
      if (done_) return;
      if (!first) _exit(128 + signal);
      server.RequestStop();
    }
  }

  std::atomic<bool> done_{false};
  std::thread thread_;
};

int Serve(const CommandLine& command_line, Logger logger) {
  absl::StatusOr<std::unique_ptr<InspectionServer>> started =
      InspectionServer::Start({.config = command_line.config, .loader = nullptr, .logger = std::move(logger)});
  if (!started.ok()) return Fail(started.status());
  InspectionServer& server = **started;
  const SignalThread signals(server);
  std::cout << "bayespfl-server: gRPC listening on " << server.grpc_address() << std::endl;
  std::cout << "bayespfl-server: HTTP listening on " << server.http_address() << std::endl;

  const absl::Status loaded = server.WaitUntilLoaded();
  if (loaded.ok()) {
    const bayespfl::ModelInfo& model = server.executor()->info();
    std::cout << "bayespfl-server: ready (model " << model.name << " " << model.version << " on " << model.device << ")"
              << std::endl;
    server.WaitForStopRequest();
  } else if (!absl::IsCancelled(loaded)) {
    return Fail(absl::Status(loaded.code(), "cannot use the model: " + std::string(loaded.message())));
  }
  std::cout << "bayespfl-server: stopping" << std::endl;
  server.Shutdown();
  std::cout << "bayespfl-server: stopped" << std::endl;
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread starts, so that all of them inherit it.
  const sigset_t signals = StopSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv, environ);
  if (!command_line.ok()) return Fail(command_line.status());
  if (command_line->text.has_value()) {
    std::cout << *command_line->text;
    return EXIT_SUCCESS;
  }
  absl::StatusOr<Logger> logger =
      CreateLogger({.level = command_line->config.log_level, .format = command_line->config.log_format});
  if (!logger.ok()) return Fail(logger.status());
  return Serve(*command_line, *std::move(logger));
}
