// What a process writes of what its libraries say, up to its last line: each case is a process of its own that dies.
#include "server/program/program_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "google/protobuf/stubs/logging.h"
#include "grpc/support/log.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::KilledBySignal;
using ::testing::Matcher;
using ::testing::Not;
using ::testing::ResultOf;
using ::testing::StartsWith;

using Text = Matcher<const std::string&>;

#ifdef __SANITIZE_ADDRESS__
constexpr bool kSanitized = true;  // AddressSanitizer keeps signals of faults for itself, and so does the server then
#else
constexpr bool kSanitized = false;
#endif

// The lines as "level|message|what it says"; of a line that is no JSON object, "no JSON: ...".
std::vector<std::string> LinesOf(const std::string& text) {
  std::vector<std::string> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (!parsed.is_object()) {
      lines.push_back(absl::StrCat("no JSON: ", line));
      continue;
    }
    lines.push_back(absl::StrCat(parsed.value("level", ""), "|", parsed.value("message", ""), "|",
                                 parsed.value("error", parsed.value("text", ""))));
  }
  return lines;
}

// Nothing but JSON, and among it a line that matches.
Text IsJsonWith(const Matcher<std::string>& line) {
  return ResultOf(LinesOf, AllOf(Contains(line), Not(Contains(HasSubstr("no JSON")))));
}

ServerConfig Config(const std::string& format, const std::string& level = "info") {
  ServerConfig config;
  config.log_format = format;
  config.log_level = level;
  return config;
}

// Keeps a log, as the server does, and dies in its sight: on a thread of its own, where nobody catches anything.
void Die(const ServerConfig& config, const std::function<void(Log&)>& death) {
  const absl::StatusOr<std::unique_ptr<ProgramLog>> log = ProgramLog::Start(config);
  if (!log.ok()) _exit(EXIT_FAILURE);
  std::thread([&] { death(*(*log)->logger()); }).join();
  _exit(EXIT_SUCCESS);  // it has survived
}

// The same, with an end in order.
void Live(const ServerConfig& config, const std::function<void(Log&)>& life) {
  {
    const absl::StatusOr<std::unique_ptr<ProgramLog>> log = ProgramLog::Start(config);
    if (!log.ok()) _exit(EXIT_FAILURE);
    life(*(*log)->logger());
  }
  _exit(EXIT_SUCCESS);
}

const std::string kLongLine = std::string(500, 'x') + "\n";

// From now on standard error is a pipe that nobody reads and that takes nothing more.
void FillStandardError() {
  std::array<int, 2> ends = {-1, -1};
  if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) _exit(EXIT_FAILURE);
  while (write(ends[1], kLongLine.data(), kLongLine.size()) > 0) {
  }
  if (fcntl(ends[1], F_SETFL, 0) != 0 || dup2(ends[1], STDERR_FILENO) < 0) _exit(EXIT_FAILURE);
}

void FailACheckOfGrpc(Log& /*log*/) { GPR_ASSERT(sizeof(int) == 1); }
void FailACheckOfProtobuf(Log& /*log*/) { GOOGLE_CHECK_EQ(1, 2) << "the field is lost"; }
void FailACheckOfAbseil(Log& /*log*/) { ABSL_RAW_CHECK(sizeof(int) == 1, "the table is full"); }
void ThrowWhatNobodyCatches(Log& /*log*/) { throw std::runtime_error("the tensor is lost"); }

class ProgramLogDeathTest : public ::testing::Test {
 protected:
  ProgramLogDeathTest() {
    // A copy of the process would lack the threads of the log.
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    // What gRPC does when it is first used; before that it says nothing.
    gpr_log_verbosity_init();
  }
};

// ---- What libraries say --------------------------------------------------------------------------------------------

TEST_F(ProgramLogDeathTest, GrpcsOwnLinesAreLinesOfTheLog) {
  const auto say = [](Log& /*log*/) { gpr_log(GPR_ERROR, "the handshake failed: %s", "no certificate"); };

  EXPECT_EXIT(Live(Config("json"), say), ::testing::ExitedWithCode(0),
              IsJsonWith("warning|gRPC says|the handshake failed: no certificate"));
  EXPECT_EXIT(Live(Config("text"), say), ::testing::ExitedWithCode(0),
              "warning gRPC says place=program_log_test.cc:[0-9]+ error=\"the handshake failed: no certificate\"");
  EXPECT_EXIT(Live(Config("json", "error"), say), ::testing::ExitedWithCode(0), Text(std::string()))
      << "no error of the server's";
}

TEST_F(ProgramLogDeathTest, WhatAClientMakesProtobufSayIsNotWritten) {
  const auto say = [](Log& log) {
    GOOGLE_LOG(ERROR) << "String field contains invalid UTF-8 data";
    log.Info("the end");
  };

  EXPECT_EXIT(Live(Config("json"), say), ::testing::ExitedWithCode(0),
              AllOf(IsJsonWith("info|the end|"), Not(HasSubstr("UTF-8"))));
  EXPECT_EXIT(Live(Config("text"), say), ::testing::ExitedWithCode(0),
              Text(AllOf(HasSubstr("the end"), Not(HasSubstr("UTF-8")))));
}

TEST_F(ProgramLogDeathTest, WhatIsPrintedOnEitherStreamIsALineWithJsonWhateverTheLevel) {
  const auto print = [](Log& /*log*/) {
    std::fputs("[W1201 cpu.cpp:1] a warning of LibTorch\n", stderr);
    std::puts("words on standard output");
    std::fflush(stdout);
  };

  for (const char* level : {"debug", "error", "off"}) {
    EXPECT_EXIT(Live(Config("json", level), print), ::testing::ExitedWithCode(0),
                AllOf(IsJsonWith("warning|a library printed a line|[W1201 cpu.cpp:1] a warning of LibTorch"),
                      IsJsonWith("warning|a library printed a line|words on standard output")));
  }
}

TEST_F(ProgramLogDeathTest, WithTextItStaysAsItIs) {
  const auto print = [](Log& /*log*/) { std::fputs("[W1201 cpu.cpp:1] a warning of LibTorch\n", stderr); };

  EXPECT_EXIT(Live(Config("text", "off"), print), ::testing::ExitedWithCode(0),
              Text(StartsWith("[W1201 cpu.cpp:1] a warning of LibTorch\n")));
}

TEST_F(ProgramLogDeathTest, ALibraryThatPrintsWaitsForNobodyWhoDoesNotRead) {
  for (const char* format : {"text", "json"}) {
    const auto print = [format] {
      FillStandardError();
      alarm(60);  // SIGALRM, were it to hang
      Live(Config(format), [](Log& /*log*/) {
        for (int i = 0; i < 2000; ++i) std::fputs(kLongLine.c_str(), stderr);
      });
    };
    EXPECT_EXIT(print(), ::testing::ExitedWithCode(0), "") << format;
  }
}

// ---- The last lines ------------------------------------------------------------------------------------------------

TEST_F(ProgramLogDeathTest, AFailedCheckOfGrpcIsTheLastLineWhateverTheLevel) {
  for (const char* level : {"info", "error", "off"}) {
    EXPECT_EXIT(Die(Config("json", level), FailACheckOfGrpc), KilledBySignal(SIGABRT),
                IsJsonWith("error|gRPC says|assertion failed: sizeof(int) == 1"));
  }
  EXPECT_EXIT(Die(Config("text"), FailACheckOfGrpc), KilledBySignal(SIGABRT),
              "error gRPC says place=program_log_test.cc:[0-9]+ error=\"assertion failed: ");
}

TEST_F(ProgramLogDeathTest, AFailedCheckOfGrpcIsNotOneOfTooMany) {
  ServerConfig config = Config("json");
  config.log_max_repeats = 1;
  const auto die = [](Log& log) {
    for (int i = 0; i < 3; ++i) gpr_log("server.cc", 120, GPR_LOG_SEVERITY_ERROR, "assertion failed: %d", i);
    log.Info("the end");
    std::abort();
  };

  EXPECT_EXIT(Die(config, die), KilledBySignal(SIGABRT), IsJsonWith("error|gRPC says|assertion failed: 2"));
}

TEST_F(ProgramLogDeathTest, AFailedCheckOfProtobufIsALine) {
  EXPECT_EXIT(Die(Config("json", "off"), FailACheckOfProtobuf), KilledBySignal(SIGABRT),
              IsJsonWith(AllOf(HasSubstr("error|Protobuf says|CHECK failed"), HasSubstr("the field is lost"))));
  EXPECT_EXIT(Die(Config("text"), FailACheckOfProtobuf), KilledBySignal(SIGABRT), "error Protobuf says .*the field is");
}

TEST_F(ProgramLogDeathTest, AFailedCheckOfAbseilIsALine) {
  EXPECT_EXIT(Die(Config("json", "error"), FailACheckOfAbseil), KilledBySignal(SIGABRT),
              IsJsonWith(AllOf(HasSubstr("|a library printed a line|"), HasSubstr("the table is full"))));
}

TEST_F(ProgramLogDeathTest, AnExceptionThatNobodyCatchesIsALine) {
  EXPECT_EXIT(Die(Config("json", "error"), ThrowWhatNobodyCatches), KilledBySignal(SIGABRT),
              IsJsonWith(AllOf(HasSubstr("|a library printed a line|"), HasSubstr("the tensor is lost"))));
  EXPECT_EXIT(Die(Config("text"), ThrowWhatNobodyCatches), KilledBySignal(SIGABRT), "the tensor is lost");
}

TEST_F(ProgramLogDeathTest, NoLineBeforeTheCrashIsLost) {
  const auto die_by = [](int signal) {
    return [signal](Log& log) {
      for (int i = 0; i < 500; ++i) log.Info(absl::StrCat("line ", i));
      log.Info("the last line");
      raise(signal);
    };
  };

  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) {
    if (kSanitized && signal != SIGABRT) break;
    EXPECT_EXIT(Die(Config("json"), die_by(signal)), KilledBySignal(signal), IsJsonWith("info|the last line|"));
  }
}

TEST_F(ProgramLogDeathTest, AFaultOfTheProgramItselfEndsItByItsOwnSignal) {
  if (kSanitized) GTEST_SKIP() << "the fault is AddressSanitizer's";
  const auto die = [](Log& log) {
    log.Info("the last line");
    volatile int* volatile nowhere = nullptr;
    *nowhere = 1;
  };

  EXPECT_EXIT(Die(Config("json"), die), KilledBySignal(SIGSEGV), IsJsonWith("info|the last line|"));
}

// systemd's watchdog sends it, and waits for the end.
TEST_F(ProgramLogDeathTest, AnAbortThatSomebodyElseSendsEndsTheProcessAtTheFirstTime) {
  const auto wait = [](Log& log) {
    log.Info("the last line");
    kill(getpid(), SIGABRT);
    sleep(5);
  };

  EXPECT_EXIT(Die(Config("json"), wait), KilledBySignal(SIGABRT), IsJsonWith("info|the last line|"));
}

// The kernel gives a signal of the process to the main thread, unless that does not take it just now.
TEST_F(ProgramLogDeathTest, AnAbortThatSomebodyElseSendsIsNothingForTheThreadsThatWrite) {
  const auto wait = [] {
    const absl::StatusOr<std::unique_ptr<ProgramLog>> log = ProgramLog::Start(Config("json"));
    if (!log.ok()) _exit(EXIT_FAILURE);
    sigset_t abort_alone;
    sigemptyset(&abort_alone);
    sigaddset(&abort_alone, SIGABRT);
    pthread_sigmask(SIG_BLOCK, &abort_alone, nullptr);
    std::thread([&] {
      pthread_sigmask(SIG_UNBLOCK, &abort_alone, nullptr);
      for (int i = 0; i < 500; ++i) (*log)->logger()->Info(absl::StrCat("line ", i));  // writing takes a while
      (*log)->logger()->Info("the last line");
      kill(getpid(), SIGABRT);
      sleep(5);
    }).join();
    _exit(EXIT_SUCCESS);
  };

  EXPECT_EXIT(wait(), KilledBySignal(SIGABRT), IsJsonWith("info|the last line|"));
}

TEST_F(ProgramLogDeathTest, ACrashWaitsForNobodyWhoDoesNotRead) {
  const auto die = [](Log& log) {
    for (int i = 0; i < 500; ++i) log.Info(kLongLine);
    alarm(10);  // SIGALRM, were it to hang
    std::abort();
  };
  const auto with_a_full_pipe = [&die] {
    FillStandardError();
    Die(Config("json"), die);
  };

  EXPECT_EXIT(with_a_full_pipe(), KilledBySignal(SIGABRT), "");
}

}  // namespace
}  // namespace bayespfl::server
