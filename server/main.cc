// bayespfl-server: see docs/quickstart.md, or --help.
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "google/protobuf/stubs/logging.h"
#include "server/pipeline/served_model.h"
#include "server/runtime/command_line.h"
#include "server/runtime/component_options.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "server/telemetry/log.h"

namespace {

using bayespfl::server::CommandLine;
using bayespfl::server::CreateLogger;
using bayespfl::server::InspectionServer;
using bayespfl::server::Logger;
using bayespfl::server::NewTokenRequest;
using bayespfl::server::ParseCommandLine;
using bayespfl::server::ServedModel;

// What a client's bytes make Protobuf complain about is said in the answer to its call: on standard error it would be
// lines between those of the log, as many as the client likes.
void KeepProtobufQuiet() {
  google::protobuf::SetLogHandler(
      [](google::protobuf::LogLevel level, const char* file, int line, const std::string& message) {
        if (level == google::protobuf::LOGLEVEL_FATAL) std::cerr << file << ":" << line << ": " << message << std::endl;
      });
}

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

sigset_t HandledSignals() {
  sigset_t signals = StopSignals();
  sigaddset(&signals, SIGHUP);
  return signals;
}

// Waits for SIGHUP, SIGTERM and SIGINT on a thread of its own; they are blocked in every other thread. SIGHUP loads the
// models anew. The first of the others asks the server to stop. The second ends the process at once, and so does the
// end of `patience`: a call of the device that hangs can be ended in no other way.
class SignalThread {
 public:
  SignalThread(InspectionServer& server, std::chrono::seconds patience)
      : thread_([this, &server, patience] { Run(server, patience); }) {}
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
  void Run(InspectionServer& server, std::chrono::seconds patience) {
    const sigset_t handled = HandledSignals();
    int signal = 0;
    for (sigwait(&handled, &signal); signal == SIGHUP && !done_; sigwait(&handled, &signal)) server.ReloadModels();
    if (done_) return;
    server.RequestStop();
    const sigset_t signals = StopSignals();
    const timespec longest = {.tv_sec = patience.count(), .tv_nsec = 0};
    do {
      signal = sigtimedwait(&signals, nullptr, &longest);
    } while (signal < 0 && errno == EINTR);  // the process was stopped and goes on
    if (done_) return;
    if (signal > 0) _exit(128 + signal);
    constexpr char kMessage[] =
        "bayespfl-server: something did not end within drain_timeout_seconds; leaving it behind\n";
    (void)!write(STDERR_FILENO, kMessage, sizeof(kMessage) - 1);
    _exit(EXIT_FAILURE);
  }

  std::atomic<bool> done_{false};
  std::thread thread_;
};

int PrintNewToken(const NewTokenRequest& request) {
  const absl::StatusOr<bayespfl::server::Role> role = bayespfl::server::ParseRole(request.role);
  if (!role.ok()) return Fail(role.status());
  const absl::StatusOr<bayespfl::server::NewToken> made = bayespfl::server::MakeToken(request.name, *role);
  if (!made.ok()) return Fail(made.status());
  std::cout << "token, shown only now: " << made->token << "\nline for tokens_file: " << made->entry << std::endl;
  return EXIT_SUCCESS;
}

int Serve(const CommandLine& command_line, Logger logger) {
  absl::StatusOr<std::unique_ptr<InspectionServer>> started =
      InspectionServer::Start({.config = command_line.config, .loader = nullptr, .logger = std::move(logger)});
  if (!started.ok()) return Fail(started.status());
  InspectionServer& server = **started;
  const SignalThread signals(server, bayespfl::server::LongestStop(command_line.config));
  std::cout << "bayespfl-server: gRPC listening on " << server.grpc_address() << std::endl;
  std::cout << "bayespfl-server: HTTP listening on " << server.http_address() << std::endl;

  if (!server.admin_address().empty()) {
    std::cout << "bayespfl-server: administration listening on " << server.admin_address() << std::endl;
  }

  const absl::Status loaded = server.WaitUntilLoaded();
  if (loaded.ok()) {
    const std::shared_ptr<const ServedModel> model = server.model();  // held: a reload may replace it meanwhile
    const bayespfl::ModelInfo& info = model->info();
    std::cout << "bayespfl-server: ready (model " << info.name << " " << info.version << " on " << info.device << ")"
              << std::endl;
    server.WaitForStopRequest();
  } else if (!absl::IsCancelled(loaded)) {
    const int exit_code = Fail(absl::Status(loaded.code(), "cannot use the model: " + std::string(loaded.message())));
    server.Shutdown();  // may take its time, so while `signals` can still end it
    return exit_code;
  }
  std::cout << "bayespfl-server: stopping" << std::endl;
  server.Shutdown();
  std::cout << "bayespfl-server: stopped" << std::endl;
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread starts, so that all of them inherit it.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  KeepProtobufQuiet();

  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv, environ);
  if (!command_line.ok()) return Fail(command_line.status());
  if (command_line->text.has_value()) {
    std::cout << *command_line->text;
    return EXIT_SUCCESS;
  }
  if (command_line->new_token.has_value()) return PrintNewToken(*command_line->new_token);
  absl::StatusOr<Logger> logger =
      CreateLogger({.level = command_line->config.log_level, .format = command_line->config.log_format});
  if (!logger.ok()) return Fail(logger.status());
  return Serve(*command_line, *std::move(logger));
}
