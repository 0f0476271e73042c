// bayespfl-server: see docs/quickstart.md, or --help.
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/pipeline/served_model.h"
#include "server/runtime/command_line.h"
#include "server/runtime/component_options.h"
#include "server/runtime/library_log.h"
#include "server/runtime/server.h"
#include "server/security/token_store.h"
#include "server/telemetry/line_queue.h"
#include "server/telemetry/log.h"
#include "server/telemetry/output_capture.h"

namespace {

using bayespfl::server::CommandLine;
using bayespfl::server::CreateLogger;
using bayespfl::server::EffectiveSetting;
using bayespfl::server::InspectionServer;
using bayespfl::server::LineQueue;
using bayespfl::server::LineWeight;
using bayespfl::server::Log;
using bayespfl::server::LogFields;
using bayespfl::server::Logger;
using bayespfl::server::NewTokenRequest;
using bayespfl::server::OutputCapture;
using bayespfl::server::ParseCommandLine;
using bayespfl::server::ServedModel;
using bayespfl::server::WantedLogFormat;
using bayespfl::server::WriteLibraryLogsTo;

constexpr std::chrono::milliseconds kFlushPatience(1000);     // at an end in order
constexpr std::chrono::milliseconds kLastLinesPatience(200);  // at every other

// What the program says of its own life: with log_format text in words on standard output, of what it dies on standard
// error; with json in lines of the log.
class Announcer {
 public:
  explicit Announcer(Logger logger) : logger_(std::move(logger)) {}
  ~Announcer() { words_.Close(kFlushPatience); }
  Announcer(const Announcer&) = delete;
  Announcer& operator=(const Announcer&) = delete;

  // `words` for people, `message` and `fields` for the log.
  void Tell(const std::string& words, absl::string_view message, const LogFields& fields = {}) {
    if (logger_->json()) return logger_->Info(message, fields);
    words_.Push(STDOUT_FILENO, absl::StrCat("bayespfl-server: ", words, "\n"), LineWeight::kImportant);
  }

  // Why the process ends.
  int Fail(const absl::Status& status) const {
    LastWords("the server cannot go on", status);
    return EXIT_FAILURE;
  }

  void LastWords(absl::string_view message, const absl::Status& status) const {
    if (logger_->json()) {
      return logger_->LastWords(
          message, {{"code", absl::StatusCodeToString(status.code())}, {"error", std::string(status.message())}});
    }
    logger_->WriteRaw(absl::StrCat("bayespfl-server: ", status.message(), "\n"));
  }

  void Listening(const std::string& what, const std::string& address) {
    Tell(absl::StrCat(what, " listening on ", address), "a port is open", {{"port", what}, {"address", address}});
  }

  // Ends the process without an end in order.
  [[noreturn]] void Leave(int exit_code) const {
    logger_->Flush(kLastLinesPatience);
    _exit(exit_code);
  }

 private:
  const Logger logger_;
  LineQueue words_;  // apart from the log, whose reader may have stopped
};

// Of the programs that print something and end.
int Fail(const absl::Status& status) {
  std::cerr << "bayespfl-server: " << status.message() << std::endl;
  return EXIT_FAILURE;
}

// ---- The lines before a crash --------------------------------------------------------------------------------------

const LineQueue* unwritten = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)

// abort() is how a failed check of gRPC, Abseil or Protobuf, an exception that nobody catches, and a damaged heap end.
// The thread that writes the log goes on while this one sleeps; it may hang on a lock that this one holds, so not for
// long. When this returns, abort() ends the process as it would have.
void WaitForLastLines(int /*signal*/) {
  constexpr timespec kMoment = {.tv_sec = 0, .tv_nsec = 1'000'000};
  int quiet = 0;  // milliseconds; a captured line is on its way for some
  for (int i = 0; i < kLastLinesPatience.count() && quiet < 20; ++i) {
    quiet = unwritten->pending_bytes() == 0 ? quiet + 1 : 0;
    nanosleep(&kMoment, nullptr);
  }
}

void WriteLastLinesOnAbort(const Log& log) {
  unwritten = log.queue();
  struct sigaction action = {};
  action.sa_handler = WaitForLastLines;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGABRT, &action, nullptr);
}

// ---- Signals -------------------------------------------------------------------------------------------------------

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

// Waits for SIGHUP, SIGTERM and SIGINT on a thread of its own; they are blocked in every other thread. SIGHUP reloads
// what can be. The first of the others asks the server to stop. The second ends the process at once, and so does the
// end of `patience`: a call of the device that hangs can be ended in no other way.
class SignalThread {
 public:
  SignalThread(InspectionServer& server, std::chrono::seconds patience, const Announcer& announcer)
      : announcer_(announcer), thread_([this, &server, patience] { Run(server, patience); }) {}
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
    for (;;) {
      siginfo_t info = {};
      const int signal = sigwaitinfo(&handled, &info);
      if (done_) return;
      if (signal < 0) continue;  // the process was stopped and goes on
      server.Audit({.name = NameOf(signal), .sender = SenderOf(info)});
      if (signal != SIGHUP) break;
      server.Reload();
    }
    server.RequestStop();
    const sigset_t signals = StopSignals();
    const timespec longest = {.tv_sec = patience.count(), .tv_nsec = 0};
    int signal = 0;
    do {
      signal = sigtimedwait(&signals, nullptr, &longest);
    } while (signal < 0 && errno == EINTR);  // the process was stopped and goes on
    if (done_) return;
    if (signal > 0) announcer_.Leave(128 + signal);
    announcer_.LastWords(
        "the server cannot stop",
        absl::DeadlineExceededError("something did not end within drain_timeout_seconds; leaving it behind"));
    announcer_.Leave(EXIT_FAILURE);
  }

  const Announcer& announcer_;
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

using ReadSettings = std::function<absl::StatusOr<std::vector<EffectiveSetting>>()>;

int Serve(const CommandLine& command_line, const ReadSettings& read_settings, const Logger& logger) {
  Announcer announcer(logger);
  absl::StatusOr<std::unique_ptr<InspectionServer>> started =
      InspectionServer::Start({.config = command_line.config,
                               .loader = nullptr,
                               .logger = logger,
                               .settings = command_line.settings,
                               .config_file = command_line.config_file,
                               .read_settings = read_settings});
  if (!started.ok()) return announcer.Fail(started.status());
  InspectionServer& server = **started;
  const SignalThread signals(server, bayespfl::server::LongestStop(command_line.config), announcer);
  announcer.Listening("gRPC", server.grpc_address());
  announcer.Listening("HTTP", server.http_address());
  if (!server.admin_address().empty()) announcer.Listening("administration", server.admin_address());

  const absl::Status loaded = server.WaitUntilLoaded();
  if (loaded.ok()) {
    const std::shared_ptr<const ServedModel> model = server.model();  // held: a reload may replace it meanwhile
    const bayespfl::ModelInfo& info = model->info();
    const std::string name = absl::StrCat(info.name, " ", info.version);
    announcer.Tell(absl::StrCat("ready (model ", name, " on ", info.device, ")"), "the server is ready",
                   {{"model", name}, {"device", info.device}});
    server.WaitForStopRequest();
  } else if (!absl::IsCancelled(loaded)) {
    const int exit_code =
        announcer.Fail(absl::Status(loaded.code(), "cannot use the model: " + std::string(loaded.message())));
    server.Shutdown();  // may take its time, so while `signals` can still end it
    return exit_code;
  }
  announcer.Tell("stopping", "the server stops");
  server.Shutdown();
  announcer.Tell("stopped", "the server has stopped");
  return EXIT_SUCCESS;
}

// With JSON, what libraries print by themselves becomes lines of the log, which goes on to `descriptor`.
absl::StatusOr<std::unique_ptr<OutputCapture>> CaptureOutput(const Logger& logger) {
  return OutputCapture::Start({STDOUT_FILENO, STDERR_FILENO}, [logger](absl::string_view line) {
    logger->Warning("a library printed a line", {{"text", std::string(line)}});
  });
}

int ServeWithLog(const CommandLine& command_line, const ReadSettings& read_settings) {
  const bool json = command_line.config.log_format == "json";
  const int copy = json ? fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0) : -1;
  const int descriptor = copy >= 0 ? copy : STDERR_FILENO;
  absl::StatusOr<Logger> created = CreateLogger(
      {.level = command_line.config.log_level, .format = command_line.config.log_format, .descriptor = descriptor});
  if (!created.ok()) return Fail(created.status());
  const Logger& logger = *created;
  std::unique_ptr<OutputCapture> capture;
  if (json) {
    absl::StatusOr<std::unique_ptr<OutputCapture>> started = CaptureOutput(logger);
    if (!started.ok()) return Fail(started.status());
    capture = *std::move(started);
  }
  WriteLibraryLogsTo(logger, command_line.config.log_max_repeats);
  WriteLastLinesOnAbort(*logger);
  const int exit_code = Serve(command_line, read_settings, logger);
  capture.reset();
  logger->Flush(kFlushPatience);
  return exit_code;
}

// A start that is refused for a wrong setting: in the format that the settings ask for as far as they can be read.
int Refuse(const absl::Status& status, const std::string& format) {
  const absl::StatusOr<Logger> logger = CreateLogger({.format = format});
  if (!logger.ok()) return Fail(logger.status());
  const int exit_code = Announcer(*logger).Fail(status);
  (*logger)->Flush(kFlushPatience);
  return exit_code;
}

}  // namespace

int main(int argc, char** argv) {
  // Before any thread starts, so that all of them inherit it.
  const sigset_t signals = HandledSignals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const absl::StatusOr<CommandLine> command_line = ParseCommandLine(argc, argv, environ);
  if (!command_line.ok()) return Refuse(command_line.status(), WantedLogFormat(argc, argv, environ));
  if (command_line->text.has_value()) {
    std::cout << *command_line->text;
    return EXIT_SUCCESS;
  }
  if (command_line->new_token.has_value()) return PrintNewToken(*command_line->new_token);
  return ServeWithLog(*command_line, [argc, argv]() -> absl::StatusOr<std::vector<EffectiveSetting>> {
    absl::StatusOr<CommandLine> again = ParseCommandLine(argc, argv, environ);
    if (!again.ok()) return again.status();
    return std::move(again->settings);
  });
}
