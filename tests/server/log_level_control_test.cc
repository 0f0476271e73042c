#include "server/telemetry/log_level_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::EndsWith;

class LogLevelControlTest : public ::testing::Test {
 protected:
  Logger Create(const std::string& level) {
    return *CreateLogger({.level = level, .write = [this](absl::string_view line) {
                            MutexLock lock(mu_);
                            lines_.emplace_back(line);
                          }});
  }
  std::vector<std::string> Lines() {
    MutexLock lock(mu_);
    return lines_;
  }

  Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

TEST_F(LogLevelControlTest, TheConfiguredLevelComesBackAfterTheTime) {
  const Logger logger = Create("error");
  LogLevelControl control(logger);

  const LogLevelControl::State set = control.Set(LogLevel::kWarning, milliseconds(1));

  EXPECT_EQ(set.level, LogLevel::kWarning);
  EXPECT_EQ(set.configured, LogLevel::kError);
  EXPECT_TRUE(set.until.has_value());
  EXPECT_TRUE(Eventually([&] { return logger->level() == LogLevel::kError; }));
  EXPECT_FALSE(control.state().until.has_value());
  EXPECT_THAT(Lines().back(), EndsWith("the log level changes level_before=warning level_now=error\n"));
}

TEST_F(LogLevelControlTest, ALaterChangeTakesTheTimeOfAnEarlierOneBack) {
  const Logger logger = Create("error");
  LogLevelControl control(logger);
  control.Set(LogLevel::kInfo, milliseconds(100));

  EXPECT_FALSE(control.Set(LogLevel::kDebug, std::nullopt).until.has_value());
  control.Set(LogLevel::kDebug, milliseconds(1));
  EXPECT_TRUE(Eventually([&] { return logger->level() == LogLevel::kError; }));
  EXPECT_TRUE(control.Set(LogLevel::kDebug, hours(1)).until.has_value());

  EXPECT_FALSE(control.Set(std::nullopt, std::nullopt).until.has_value());
  EXPECT_EQ(logger->level(), LogLevel::kError);
}

TEST_F(LogLevelControlTest, AnotherConfiguredLevelIsInForceAtOnce) {
  const Logger logger = Create("error");
  LogLevelControl control(logger);
  control.Set(LogLevel::kDebug, hours(1));

  const LogLevelControl::State state = control.Configure(LogLevel::kWarning);

  EXPECT_EQ(state.level, LogLevel::kWarning);
  EXPECT_EQ(state.configured, LogLevel::kWarning);
  EXPECT_FALSE(state.until.has_value());
  EXPECT_EQ(control.Set(std::nullopt, std::nullopt).level, LogLevel::kWarning);
}

TEST_F(LogLevelControlTest, SaysOnlyWhatChanges) {
  LogLevelControl control(Create("info"));

  control.Set(LogLevel::kInfo, std::nullopt);
  control.Set(LogLevel::kError, std::nullopt);

  EXPECT_THAT(Lines(), ElementsAre(EndsWith("level_before=info level_now=error\n")));
}

}  // namespace
}  // namespace bayespfl::server
