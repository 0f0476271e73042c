#include "server/runtime/settings_in_force.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "server/runtime/config.h"
#include "server/runtime/setting_table.h"
#include "tests/server/log_lines.h"

namespace bayespfl::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

// The settings of `config`, as if all came from line 7 of the file.
std::vector<EffectiveSetting> Given(ServerConfig config) {
  std::vector<EffectiveSetting> settings = SettingTable(SettingsOf(config)).Effective();
  for (EffectiveSetting& setting : settings) {
    setting.source = SettingSource::kFile;
    setting.place = "line 7";
  }
  return settings;
}

class SettingsInForceTest : public ::testing::Test {
 protected:
  SettingInUse Of(const SettingsInForce& settings, absl::string_view key) const {
    for (const SettingInUse& setting : settings.List()) {
      if (setting.given.key == key) return setting;
    }
    ADD_FAILURE() << "no setting " << key;
    return {};
  }

  LogLines log_;
  const Logger logger_ = log_.Create("info");
  LogLevelControl log_level_{logger_};
};

TEST_F(SettingsInForceTest, ShowsWhatWasGivenAndWhatTheServerMadeOfIt) {
  ServerConfig given;
  given.compute_threads = 0;
  ServerConfig running = given;
  running.compute_threads = 6;
  const SettingsInForce settings(running, Given(given), {}, log_level_, logger_);

  const SettingInUse threads = Of(settings, "compute_threads");

  EXPECT_EQ(threads.given.value, "0");
  EXPECT_EQ(threads.given.source, SettingSource::kFile);
  EXPECT_EQ(threads.given.place, "line 7");
  EXPECT_EQ(threads.in_use, "6");
  EXPECT_EQ(settings.List().size(), SettingsOf(given).size());
}

TEST_F(SettingsInForceTest, OfWhatNobodyGaveItTellsNothing) {
  SettingsInForce settings(ServerConfig(), {}, {}, log_level_, logger_);

  settings.Reload();

  EXPECT_THAT(settings.List(), IsEmpty());
  EXPECT_EQ(log_.text(), "");
}

TEST_F(SettingsInForceTest, AReloadTakesTheLogLevelWithItsPlaceAndNamesTheOthers) {
  ServerConfig changed;
  changed.log_level = "error";
  changed.max_batch = 3;
  std::vector<EffectiveSetting> read = Given(changed);
  for (EffectiveSetting& setting : read) setting.place = "line 9";
  SettingsInForce settings(ServerConfig(), Given(ServerConfig()), [&] { return read; }, log_level_, logger_);
  log_level_.Set(LogLevel::kDebug, std::chrono::hours(1));

  settings.Reload();

  EXPECT_EQ(logger_->level(), LogLevel::kError);
  EXPECT_EQ(log_level_.state().configured, LogLevel::kError);
  EXPECT_FALSE(log_level_.state().until.has_value());
  EXPECT_EQ(Of(settings, "log_level").given.value, "error");
  EXPECT_EQ(Of(settings, "log_level").given.place, "line 9");
  EXPECT_EQ(Of(settings, "log_level").in_use, "error");
  EXPECT_EQ(Of(settings, "max_batch").given.place, "line 7") << "what is in force did not come from there";
  EXPECT_NE(Of(settings, "max_batch").in_use, "3");
}

TEST_F(SettingsInForceTest, SaysWhatWaitsForARestart) {
  ServerConfig changed;
  changed.max_batch = 3;
  changed.port = 4711;
  SettingsInForce settings(ServerConfig(), Given(ServerConfig()), [&] { return Given(changed); }, log_level_, logger_);

  settings.Reload();

  EXPECT_THAT(log_.text(), EndsWith("warning changed settings need a restart settings=\"port, max_batch\"\n"));
}

TEST_F(SettingsInForceTest, SaysThatNothingWaits) {
  SettingsInForce settings(
      ServerConfig(), Given(ServerConfig()), [] { return Given(ServerConfig()); }, log_level_, logger_);

  settings.Reload();

  EXPECT_THAT(log_.text(), EndsWith("info no setting has changed that needs a restart\n"));
}

TEST_F(SettingsInForceTest, SettingsThatCannotBeReadChangeNothing) {
  SettingsInForce settings(
      ServerConfig(), Given(ServerConfig()), [] { return absl::InvalidArgumentError("line 3: unknown key"); },
      log_level_, logger_);
  log_level_.Set(LogLevel::kDebug, std::chrono::hours(1));

  settings.Reload();

  EXPECT_EQ(logger_->level(), LogLevel::kDebug);
  EXPECT_THAT(log_.text(), HasSubstr("error the settings cannot be read again; those in force stay"));
  EXPECT_THAT(log_.text(), Not(HasSubstr("restart")));
}

}  // namespace
}  // namespace bayespfl::server
