// What a real server writes: JSON from the first line to the last, and never at the price of a frame.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "base/files.h"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::Background;
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

  std::vector<std::string> Arguments(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {
        "--model", kDemoModel,          "--port", "0", "--http-port", "0", "--admin-port", "0", "--drain-delay-seconds",
        "0",       "--compute-threads", "1"};
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

}  // namespace
}  // namespace bayespfl
