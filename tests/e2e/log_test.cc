// What a real server writes: JSON from the first line to the last, and never at the price of a frame.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <unistd.h>
#include "base/http_library.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <future>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "base/files.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::Background;
using ::testing::Contains;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using testing::kDemoModel;
using testing::RunProgram;

const std::string kPicture = testing::Asset("demo/images/wood/good_0.jpg");

// The lines, each of which must be a JSON object with what every line has.
std::vector<nlohmann::json> LogLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, /*allow_exceptions=*/false);
    EXPECT_TRUE(parsed.is_object()) << line;
    for (const char* key : {"timestamp", "level", "message"}) EXPECT_TRUE(parsed.contains(key)) << line;
    lines.push_back(parsed);
  }
  return lines;
}

std::vector<std::string> Messages(const std::vector<nlohmann::json>& lines) {
  std::vector<std::string> messages;
  for (const nlohmann::json& line : lines) messages.push_back(line.value("message", ""));
  return messages;
}

// A server whose standard error is a file.
class ServerLogTest : public ::testing::Test {
 protected:
  ~ServerLogTest() override { close(err_); }

  static std::vector<std::string> Arguments(const std::vector<std::string>& more,
                                            const std::string& drain_delay_seconds = "0") {
    std::vector<std::string> arguments = {"--model",
                                          kDemoModel,
                                          "--port",
                                          "0",
                                          "--http-port",
                                          "0",
                                          "--admin-port",
                                          "0",
                                          "--drain-delay-seconds",
                                          drain_delay_seconds,
                                          "--compute-threads",
                                          "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return arguments;
  }
  std::string Written() const { return folder_.Read("log"); }

  // The address of a port that the log names.
  std::string AddressOf(absl::string_view port) const {
    std::string address;
    EXPECT_TRUE(Eventually([&] {
      for (const absl::string_view line : absl::StrSplit(ReadSoFar(), '\n', absl::SkipEmpty())) {
        const nlohmann::json parsed = nlohmann::json::parse(line, nullptr, false);
        if (parsed.is_object() && parsed.value("port", "") == port) address = parsed.value("address", "");
      }
      return !address.empty();
    }));
    return address;
  }
  bool Says(absl::string_view text) const {
    return Eventually([&] { return absl::StrContains(ReadSoFar(), text); });
  }

  const testing::TemporaryFolder folder_;
  const int err_ = open(folder_.File("log").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

 private:
  std::string ReadSoFar() const {
    const absl::StatusOr<std::string> text = ReadFile(folder_.File("log"), size_t{1} << 24);
    return text.ok() ? *text : "";
  }
};

TEST_F(ServerLogTest, OfAWholeLifeEveryLineIsJson) {
  Background server("bayespfl-server", Arguments({"--log-format", "json", "--log-level", "debug"}), err_);
  const std::string address = AddressOf("gRPC");
  ASSERT_TRUE(Says("\"the server is ready\""));
  const std::vector<std::string> inspect = {"inspect", "--server", address, "--samples", "1", "--category"};
  const auto client = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = inspect;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram("bayespfl-client", arguments);
  };
  EXPECT_EQ(client({"wood", kPicture}).exit_code, 0);
  EXPECT_NE(client({"wood", "--model", "no such", kPicture}).exit_code, 0);
  server.Send(SIGHUP);
  ASSERT_TRUE(Says("\"the models were loaded anew\""));

  EXPECT_EQ(server.Terminate(), 0);

  const std::vector<nlohmann::json> lines = LogLines(Written());
  EXPECT_THAT(Messages(lines),
              IsSupersetOf({"a port is open", "a model serves", "the server is ready", "the frame was answered",
                            "the frame failed", "audit", "reloading", "the models were loaded anew", "the server stops",
                            "draining", "the server has stopped"}));
  EXPECT_EQ(lines.back()["message"], "the server has stopped");
  EXPECT_THAT(Written(), HasSubstr(absl::StrCat("\"who\":\"signal\",\"peer\":\"pid:", getpid(), " uid:", getuid(),
                                                "\",\"method\":\"SIGHUP\"")));
}

TEST_F(ServerLogTest, WithJsonNothingComesOnStandardOutput) {
  folder_.Write("model/config.json", "{}");

  const Finished run = RunProgram(
      "bayespfl-server", {"--model", folder_.File("model"), "--port", "0", "--http-port", "0", "--log-format", "json"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.out, "");
  const std::vector<nlohmann::json> lines = LogLines(run.err);
  const auto reason = std::find_if(lines.begin(), lines.end(), [](const nlohmann::json& line) {
    return line["message"] == "the server cannot go on";
  });
  ASSERT_NE(reason, lines.end()) << run.err;
  EXPECT_EQ((*reason)["level"], "error");
  EXPECT_THAT((*reason)["error"].get<std::string>(), HasSubstr("config.json"));
}

TEST_F(ServerLogTest, AStartThatIsRefusedForAWrongSettingIsJsonToo) {
  const std::string file = folder_.Write("server.yaml", "log_format: \"json\"  # for the collector\nmax_bach: 3\n");
  const std::vector<std::vector<std::string>> wrong = {{"--log-format", "json", "--max-bach", "3"},
                                                       {"--max-batch", "none", "--log-format=json"},
                                                       {"--config", file},
                                                       {"--log-format", "json", "--model", "nowhere"}};
  for (const std::vector<std::string>& arguments : wrong) {
    const Finished run = RunProgram("bayespfl-server", arguments);

    EXPECT_EQ(run.exit_code, 1);
    EXPECT_EQ(run.out, "");
    const std::vector<nlohmann::json> lines = LogLines(run.err);
    ASSERT_EQ(lines.size(), 1) << run.err;
    EXPECT_EQ(lines[0]["level"], "error");
  }
  EXPECT_THAT(RunProgram("bayespfl-server", {"--max-bach", "3"}).err, ::testing::StartsWith("bayespfl-server: "));
  EXPECT_THAT(RunProgram("bayespfl-server", {"--check-config", "--config", file}).err,
              ::testing::StartsWith("bayespfl-server: "))
      << "for people, who check a file";
}

TEST_F(ServerLogTest, APortThatIsTakenIsJsonToo) {
  Background first("bayespfl-server", Arguments({}), err_);
  const std::string address = first.WaitForLine("bayespfl-server: gRPC listening on ");

  const Finished run = RunProgram(
      "bayespfl-server", {"--model", kDemoModel, "--http-port", "0", "--port", address.substr(address.rfind(':') + 1),
                          "--log-format", "json", "--log-level", "off"});

  EXPECT_EQ(run.exit_code, 1);
  const std::vector<nlohmann::json> lines = LogLines(run.err);
  ASSERT_EQ(lines.size(), 1) << "whatever the level: why it ends\n" << run.err;
  EXPECT_THAT(lines[0]["error"].get<std::string>(), HasSubstr("cannot listen on"));
}

TEST_F(ServerLogTest, EachSignalHasALineOfItsSenderTheLastOneToo) {
  Background server("bayespfl-server", Arguments({"--log-format", "json"}, /*drain_delay_seconds=*/"60"), err_);
  ASSERT_TRUE(Says("\"the server is ready\""));

  server.Send(SIGHUP);
  ASSERT_TRUE(Says("\"the models were loaded anew\""));
  server.Send(SIGINT);
  ASSERT_TRUE(Says("\"about to drain\""));
  server.Send(SIGTERM);

  EXPECT_EQ(server.Wait(), 128 + SIGTERM);
  std::vector<std::string> signals;
  for (const nlohmann::json& line : LogLines(Written())) {
    if (line["message"] != "audit") continue;
    EXPECT_EQ(line["who"], "signal");
    EXPECT_EQ(line["peer"], absl::StrCat("pid:", getpid(), " uid:", getuid()));
    signals.push_back(line["method"]);
  }
  EXPECT_THAT(signals, ElementsAre("SIGHUP", "SIGINT", "SIGTERM"));
}

TEST_F(ServerLogTest, ACrashLosesNoLine) {
  Background server("bayespfl-server", Arguments({"--log-format", "json"}), err_);
  ASSERT_TRUE(Says("\"the server is ready\""));

  server.Send(SIGHUP);   // its lines are on their way
  server.Send(SIGABRT);  // as a watchdog does

  EXPECT_EQ(server.Wait(), 128 + SIGABRT);
  EXPECT_THAT(Messages(LogLines(Written())), Contains("the server is ready"));
}

// ---- A reader that stops reading -----------------------------------------------------------------------------------

TEST(ServerLogPipeTest, AServerWhoseLogNobodyReadsGoesOnAnsweringAndStops) {
  int ends[2] = {-1, -1};
  ASSERT_EQ(pipe2(ends, O_CLOEXEC), 0);
  ASSERT_EQ(fcntl(ends[1], F_SETPIPE_SZ, 4096), 4096);
  Background server("bayespfl-server",
                    {"--model", kDemoModel, "--port", "0", "--http-port", "0", "--drain-delay-seconds", "0",
                     "--log-level", "debug", "--drain-timeout-seconds", "5"},
                    ends[1]);
  const std::string address = server.WaitForLine("bayespfl-server: gRPC listening on ");
  ASSERT_FALSE(server.WaitForLine("bayespfl-server: ready").empty());
  // Each frame and each call has a line of some 300 bytes: the pipe is full long before the end.
  std::vector<std::string> arguments = {"inspect", "--server", address, "--samples", "1", "--category", "wood"};
  arguments.insert(arguments.end(), 20, kPicture);

  const Finished run = RunProgram("bayespfl-client", arguments);
  const auto begin = std::chrono::steady_clock::now();
  const int exit_code = server.Terminate();

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_EQ(exit_code, 0);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(8 + 3 + 5)) << "its bound, and some";
  for (const int end : ends) close(end);
}

// The reader of a pipe that the test fills and empties as it likes.
class SlowReader {
 public:
  SlowReader() {
    EXPECT_EQ(pipe2(ends_.data(), O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends_[1], F_SETPIPE_SZ, 4096), 4096);
  }
  ~SlowReader() {
    CloseWriter();
    close(ends_[0]);
  }
  SlowReader(const SlowReader&) = delete;
  SlowReader& operator=(const SlowReader&) = delete;

  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(std::exchange(ends_[1], -1));
  }

  // Reads until the text says so; false at its end.
  bool ReadUntil(absl::string_view text) {
    while (!absl::StrContains(text_, text)) {
      if (!ReadSome()) return false;
    }
    return true;
  }
  // What was read, up to its last whole line.
  std::string lines() const { return text_.substr(0, text_.rfind('\n') + 1); }
  // Reads to the end, which comes when all writers have gone.
  std::string ReadAll() {
    while (ReadSome()) {
    }
    return text_;
  }

 private:
  bool ReadSome() {
    std::array<char, 4096> bytes{};
    const ssize_t count = read(ends_[0], bytes.data(), bytes.size());
    if (count > 0) text_.append(bytes.data(), static_cast<size_t>(count));
    return count > 0;
  }

  std::array<int, 2> ends_ = {-1, -1};
  std::string text_;
};

// The address of a port that one of the lines names.
std::string AddressIn(const std::string& text, absl::string_view port) {
  for (const nlohmann::json& line : LogLines(text)) {
    if (line.value("port", "") == port) return line["address"];
  }
  return "";
}

// Lines that the server says it has dropped, at `http`.
uint64_t Dropped(const std::string& http) {
  const httplib::Result page = httplib::Client("http://" + http).Get("/metrics");
  uint64_t lines = 0;
  for (const absl::string_view line : absl::StrSplit(page ? page->body : "", '\n')) {
    absl::string_view value = line;
    if (!absl::ConsumePrefix(&value, "bayespfl_log_lines_dropped_total ")) continue;
    EXPECT_TRUE(absl::SimpleAtoi(value, &lines));
  }
  return lines;
}

TEST(ServerLogPipeTest, WhatNobodyReadsIsDroppedCountedAndSaid) {
  SlowReader reader;
  Background server("bayespfl-server",
                    {"--model", kDemoModel, "--port", "0", "--http-port", "0", "--drain-delay-seconds", "0",
                     "--compute-threads", "1", "--log-format", "json", "--log-level", "debug"},
                    reader.writer());
  reader.CloseWriter();
  ASSERT_TRUE(reader.ReadUntil("\"the server is ready\""));
  const std::string grpc_address = AddressIn(reader.lines(), "gRPC");
  const std::string http_address = AddressIn(reader.lines(), "HTTP");

  // Nobody reads from here on. Each call has a line of some 400 bytes, and three quarters of a MiB of them may wait.
  const auto stub =
      inspection::v1::InspectionService::NewStub(grpc::CreateChannel(grpc_address, grpc::InsecureChannelCredentials()));
  for (int calls = 0; calls < 50'000 && (calls % 200 != 0 || Dropped(http_address) == 0); ++calls) {
    grpc::ClientContext context;
    context.AddMetadata("x-request-id", std::string(128, 'r'));
    inspection::v1::GetServerInfoResponse response;
    ASSERT_TRUE(stub->GetServerInfo(&context, {}, &response).ok());
  }
  const uint64_t before = Dropped(http_address);
  const Finished frame = RunProgram(
      "bayespfl-client", {"inspect", "--server", grpc_address, "--samples", "1", "--category", "wood", kPicture});
  server.Send(SIGHUP);
  EXPECT_GT(before, 0U);
  EXPECT_EQ(frame.exit_code, 0) << frame.err;
  EXPECT_GT(Dropped(http_address), before) << "the lines of the frame";

  ASSERT_TRUE(reader.ReadUntil("\"log lines were dropped\""));
  const uint64_t dropped = Dropped(http_address);
  std::future<std::string> rest = std::async(std::launch::async, [&reader] { return reader.ReadAll(); });
  EXPECT_EQ(server.Terminate(), 0);

  uint64_t said = 0;
  const std::vector<nlohmann::json> lines = LogLines(rest.get());
  for (const nlohmann::json& line : lines)
    said += line["message"] == "log lines were dropped" ? line.value("lines", 0) : 0;
  EXPECT_EQ(said, dropped);
  EXPECT_EQ(lines.back()["message"], "the server has stopped");
  EXPECT_THAT(Messages(lines), Contains("audit")) << "of the signal: there is room for it until the last";
}

}  // namespace
}  // namespace bayespfl
