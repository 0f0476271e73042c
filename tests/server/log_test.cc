#include "server/telemetry/log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_split.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

class LogTest : public ::testing::Test {
 protected:
  Logger Create(const std::string& format, const std::string& level = "debug") {
    LogOptions options;
    options.level = level;
    options.format = format;
    options.write = [this](absl::string_view line) { lines_.emplace_back(line); };
    options.clock = [] { return absl::FromUnixMillis(1'700'000'000'007); };
    absl::StatusOr<Logger> logger = CreateLogger(std::move(options));
    EXPECT_TRUE(logger.ok()) << logger.status();
    return *std::move(logger);
  }

  std::vector<std::string> lines_;
};

TEST_F(LogTest, TextIsALineOfNamesAndValues) {
  Create("text")->Warning("the frame failed", {{"camera_id", "line-3"}, {"stream_id", uint64_t{7}}, {"seconds", 0.25}});

  EXPECT_THAT(lines_, ElementsAre("2023-11-14T22:13:20.007Z warning the frame failed camera_id=line-3 stream_id=7 "
                                  "seconds=0.25\n"));
}

TEST_F(LogTest, TextQuotesAndEscapesWhatWouldBreakALine) {
  Create("text")->Info("m", {{"a", "x y"}, {"b", ""}, {"c", "x\ny\"\xFF"}, {"d", "k=v"}, {"e", true}});

  EXPECT_THAT(lines_[0], HasSubstr(R"( a="x y" b="" c="x\ny\"\xff" d="k=v" e=true)"));
  EXPECT_THAT(lines_[0].find('\n'), lines_[0].size() - 1);
}

TEST_F(LogTest, AMessageCannotBreakALineEither) {
  Create("text")->Info("a\nb");

  EXPECT_THAT(lines_[0], HasSubstr("info a\\nb\n"));
}

TEST_F(LogTest, JsonIsOneObjectALine) {
  Create("json")->Error("the frame failed", {{"camera_id", "line 3"}, {"seconds", 0.25}, {"suppressed", int64_t{2}}});

  EXPECT_THAT(lines_, ElementsAre(R"({"timestamp":"2023-11-14T22:13:20.007Z","level":"error","message":)"
                                  R"("the frame failed","camera_id":"line 3","seconds":0.25,"suppressed":2})"
                                  "\n"));
}

TEST_F(LogTest, JsonKeepsWhatItEscapes) {
  const std::string odd = "\"\\\n\t\x01 é ☃ </script>";

  Create("json")->Info(odd, {{"camera_id", odd}});

  const auto read = nlohmann::json::parse(lines_[0]);
  EXPECT_EQ(read["message"], odd);
  EXPECT_EQ(read["camera_id"], odd);
  EXPECT_THAT(lines_[0].find('\n'), lines_[0].size() - 1);
}

TEST_F(LogTest, JsonReplacesBytesThatAreNotUtf8) {
  Create("json")->Info("m", {{"camera_id", "a\xFF\xC3"}});

  EXPECT_EQ(nlohmann::json::parse(lines_[0])["camera_id"], "a\uFFFD\uFFFD");
}

TEST_F(LogTest, CutsLongValues) {
  const std::string snowmen = [] {
    std::string text;
    for (int i = 0; i < 1000; ++i) text += "☃";
    return text;
  }();

  Create("json")->Info("m", {{"error", snowmen}});
  Create("text")->Info("m", {{"error", std::string(1000, 'x')}});

  const auto read = nlohmann::json::parse(lines_[0]);
  EXPECT_THAT(read["error"].get<std::string>(), testing::EndsWith("\uFFFD..."));
  EXPECT_LT(lines_[0].size(), kMaxLogValueBytes + 100);
  EXPECT_LT(lines_[1].size(), kMaxLogValueBytes + 100);
}

TEST_F(LogTest, WritesTheLevelAndThoseAbove) {
  const Logger logger = Create("text", "warning");

  logger->Info("left out");
  logger->Warning("written");
  logger->Error("written");

  EXPECT_EQ(lines_.size(), 2);
  EXPECT_FALSE(logger->Enabled(LogLevel::kInfo));
  EXPECT_TRUE(logger->Enabled(LogLevel::kError));
}

TEST_F(LogTest, OffWritesNothing) {
  Create("json", "off")->Error("x");
  SilentLogger()->Error("x");

  EXPECT_THAT(lines_, IsEmpty());
}

TEST_F(LogTest, LinesOfSeveralThreadsDoNotMix) {
  std::atomic<int> inside = 0;
  std::atomic<bool> mixed = false;
  LogOptions options;
  options.write = [&](absl::string_view) {
    if (++inside != 1) mixed = true;
    --inside;
  };
  const Logger logger = *CreateLogger(std::move(options));

  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&logger] {
      for (int j = 0; j < 1000; ++j) logger->Info("x");
    });
  }
  for (std::thread& thread : threads) thread.join();

  EXPECT_FALSE(mixed);
}

TEST_F(LogTest, TheLevelCanBeChanged) {
  const Logger logger = Create("text", "warning");

  logger->SetLevel(LogLevel::kDebug);
  logger->Debug("written");
  logger->SetLevel(LogLevel::kOff);
  logger->Error("left out");
  logger->Audit("left out", {});

  EXPECT_THAT(lines_, ElementsAre(HasSubstr("debug written")));
  EXPECT_EQ(logger->level(), LogLevel::kOff);
}

TEST_F(LogTest, LastWordsAreWrittenAlways) {
  Create("json", "off")->LastWords("the end", {{"error", "x"}});

  EXPECT_EQ(nlohmann::json::parse(lines_.at(0))["level"], "error");
}

// ---- The queue behind it -------------------------------------------------------------------------------------------

class QueuedLogTest : public ::testing::Test {
 protected:
  QueuedLogTest() {
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends_[1], F_SETPIPE_SZ, kPipeBytes), static_cast<int>(kPipeBytes));
  }
  ~QueuedLogTest() override {
    for (const int end : ends_) close(end);
  }

  Logger Create(size_t max_queue_bytes) const {
    return *CreateLogger({.format = "json", .descriptor = ends_[1], .max_queue_bytes = max_queue_bytes});
  }
  void Fill() const { ASSERT_EQ(write(ends_[1], std::string(kPipeBytes, ' ').data(), kPipeBytes), kPipeBytes); }

  // The messages of the lines that have been written.
  std::vector<std::string> Messages() const {
    std::vector<std::string> messages;
    for (const std::string& line : Lines()) messages.push_back(nlohmann::json::parse(line)["message"]);
    return messages;
  }
  std::vector<std::string> Lines() const {
    std::string text(kPipeBytes, '\0');
    const ssize_t got = read(ends_[0], text.data(), text.size());
    text.resize(static_cast<size_t>(std::max<ssize_t>(got, 0)));
    return absl::StrSplit(text, '\n', absl::SkipWhitespace());
  }

  static constexpr size_t kPipeBytes = 65536;  // of which every write takes a page
  int ends_[2] = {-1, -1};
};

TEST_F(QueuedLogTest, AReaderThatStopsHoldsUpNobodyAndIsToldWhatItMissed) {
  const Logger logger = Create(1000);
  Fill();
  for (int i = 0; i < 100; ++i) logger->Info("ordinary");
  logger->Audit("audit", {});
  const uint64_t dropped = logger->lines_dropped();
  EXPECT_GT(dropped, 90);
  EXPECT_THAT(Lines(), IsEmpty()) << "it was the filling";

  ASSERT_TRUE(logger->Flush(std::chrono::seconds(30)));
  const std::vector<std::string> lines = Lines();

  ASSERT_GE(lines.size(), 3);
  const auto loss = nlohmann::json::parse(lines[lines.size() - 2]);
  EXPECT_EQ(loss["message"], "log lines were dropped");
  EXPECT_EQ(loss["level"], "warning");
  EXPECT_EQ(loss["lines"], dropped);
  EXPECT_EQ(nlohmann::json::parse(lines.back())["message"], "audit");
}

TEST_F(QueuedLogTest, AnErrorStillFindsRoom) {
  const Logger logger = Create(2000);
  Fill();
  for (int i = 0; i < 100; ++i) logger->Info("ordinary");
  logger->Error("error");
  logger->WriteRaw(R"({"message":"raw"})"
                   "\n");
  Lines();
  ASSERT_TRUE(logger->Flush(std::chrono::seconds(30)));

  EXPECT_THAT(Messages(), testing::IsSupersetOf({"ordinary", "log lines were dropped", "error", "raw"}));
}

TEST_F(QueuedLogTest, WritesWhatWaitsWhenItEnds) {
  Create(1 << 20)->Info("last");

  EXPECT_THAT(Messages(), ElementsAre("last"));
}

TEST(ParseLogLevelTest, KnowsTheNamesOfTheLevels) {
  for (const LogLevel level :
       {LogLevel::kDebug, LogLevel::kInfo, LogLevel::kWarning, LogLevel::kError, LogLevel::kOff}) {
    EXPECT_EQ(*ParseLogLevel(LogLevelName(level)), level);
  }
  EXPECT_EQ(ParseLogLevel("Debug").status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(CreateLoggerTest, RejectsUnknownLevelsAndFormats) {
  EXPECT_EQ(CreateLogger({.level = "loud"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CreateLogger({.format = "xml"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(CreateLogger({}).ok());
}

TEST(EscapeForLogTest, EscapesWhatCameFromOutside) {
  EXPECT_EQ(EscapeForLog("a\nb\xFF"), "\"a\\nb\\xff\"");
  EXPECT_THAT(EscapeForLog(std::string(1000, 'x')), HasSubstr("..."));
  EXPECT_THAT(EscapeForLog("x"), Not(HasSubstr("...")));
}

}  // namespace
}  // namespace bayespfl::server
