// The table on its own, with settings made up here: one of every type.
#include "server/runtime/setting_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/runtime/command_line.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

struct Values {
  std::string name = "a name";
  std::string input;
  std::string folder;
  std::string output;
  std::string level = "low";
  bool enabled = false;
  int count = 3;
  int64_t size = int64_t{1} << 33;
  double share = 0.5;
};

class SettingTableTest : public ::testing::Test {
 protected:
  static std::vector<Setting> SettingsOf(Values& values) {
    return {{"First", "name", "help of name", TextSetting{&values.name}},
            {"First", "input", "help of input", TextSetting{&values.input, TextKind::kFile}},
            {"First", "folder", "help of folder", TextSetting{&values.folder, TextKind::kFolder}},
            {"First", "output", "help of output", TextSetting{&values.output, TextKind::kNewFile}},
            {"Second", "level", "help of level", ChoiceSetting{&values.level, {"low", "high"}}},
            {"Second", "enabled", "help of enabled", BooleanSetting{&values.enabled}},
            {"Second", "max_count", "help of max_count", IntegerSetting{&values.count, 1, 10}},
            {"Second", "size", "help of size", IntegerSetting{&values.size, 0, int64_t{1} << 40}},
            {"Second", "share", "help of share", RealSetting{&values.share, 0, 1}}};
  }

  absl::Status ApplyEnvironment(const std::vector<const char*>& variables) {
    std::vector<const char*> environment = variables;
    environment.push_back(nullptr);
    return table_.ApplyEnvironment(environment.data());
  }

  // The message of the error that the YAML text is answered with.
  std::string YamlError(const std::string& text) {
    const absl::Status status = table_.ApplyYaml(text);
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    return std::string(status.message());
  }

  std::string EnvironmentError(const char* variable) {
    const absl::Status status = ApplyEnvironment({variable});
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << variable;
    return std::string(status.message());
  }

  Values values_;
  SettingTable table_{SettingsOf(values_)};
};

TEST_F(SettingTableTest, ReadsEveryTypeFromYaml) {
  const absl::Status applied =
      table_.ApplyYaml("name: \"x: y\"\nlevel: high\nenabled: true\nmax_count: 10\nsize: 1099511627776\nshare: 0.25\n");

  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(values_.name, "x: y");
  EXPECT_EQ(values_.level, "high");
  EXPECT_TRUE(values_.enabled);
  EXPECT_EQ(values_.count, 10);
  EXPECT_EQ(values_.size, int64_t{1} << 40);
  EXPECT_EQ(values_.share, 0.25);
}

TEST_F(SettingTableTest, RejectsNumbersOutOfTheirRange) {
  for (const std::string wrong : {"-0.001", "1.001", "nan", "half", "0.5x", "inf"}) {
    EXPECT_THAT(YamlError("share: " + wrong),
                HasSubstr("line 1: share is '" + wrong + "'; expected a number from 0 to 1"));
  }
  EXPECT_TRUE(table_.ApplyYaml("share: 1").ok());
  EXPECT_TRUE(table_.ApplyYaml("share: 1e-3").ok());
  EXPECT_EQ(values_.share, 0.001);
}

TEST_F(SettingTableTest, AFileWithoutAnyKeyChangesNothing) {
  EXPECT_TRUE(table_.ApplyYaml("").ok());
  EXPECT_TRUE(table_.ApplyYaml("# nothing\n").ok());
  EXPECT_TRUE(table_.ApplyYaml("---\n").ok());
}

TEST_F(SettingTableTest, NamesTheLineAndTheNearestKeyOfAnUnknownOne) {
  EXPECT_EQ(YamlError("name: x\n\nmax_cuont: 1\n"), "line 3: unknown key 'max_cuont'; did you mean 'max_count'?");
  EXPECT_EQ(YamlError("max-count: 1\n"), "line 1: unknown key 'max-count'; did you mean 'max_count'?");
}

TEST_F(SettingTableTest, NamesNoKeyWhenNoneIsNear) {
  EXPECT_THAT(YamlError("colour: red"), AllOf(HasSubstr("unknown key 'colour'"), Not(HasSubstr("did you mean"))));
}

TEST_F(SettingTableTest, NamesTheLineOfABadValueAndWhatIsExpected) {
  EXPECT_EQ(YamlError("name: x\nmax_count: 11"), "line 2: max_count is '11'; expected a whole number from 1 to 10");
  EXPECT_THAT(YamlError("max_count: many"), HasSubstr("max_count is 'many'"));
  EXPECT_THAT(YamlError("max_count: 1.5"), HasSubstr("max_count is '1.5'"));
  EXPECT_THAT(YamlError("size: 99999999999999999999"), HasSubstr("from 0 to 1099511627776"));
  EXPECT_EQ(YamlError("level: medium"), "line 1: level is 'medium'; expected one of low, high");
  EXPECT_EQ(YamlError("enabled: yes"), "line 1: enabled is 'yes'; expected true or false");
}

TEST_F(SettingTableTest, RejectsYamlThatIsNoListOfKeys) {
  EXPECT_EQ(YamlError("name: a\nname: b"), "line 2: the key 'name' is repeated");
  EXPECT_EQ(YamlError("name: [a]"), "line 1: name is not a single value");
  EXPECT_EQ(YamlError("name:"), "line 1: name has no value; an empty text is written \"\"");
  EXPECT_EQ(YamlError("- a"), "line 1: expected a mapping of keys to values");
  EXPECT_EQ(YamlError("name: a\n---\nname: b"), "line 3: the file holds a second document");
  EXPECT_THAT(YamlError("name: a\nlevel: {"), HasSubstr("line "));
}

TEST_F(SettingTableTest, ReadsTheEnvironment) {
  const absl::Status applied = ApplyEnvironment({"PATH=/bin", "BAYESPFL_MAX_COUNT=7", "BAYESPFL_NAME=a=b"});

  ASSERT_TRUE(applied.ok()) << applied;
  EXPECT_EQ(values_.count, 7);
  EXPECT_EQ(values_.name, "a=b");
}

TEST_F(SettingTableTest, RejectsUnknownVariablesOfThePrefix) {
  EXPECT_EQ(EnvironmentError("BAYESPFL_MAX_COUTN=7"),
            "unknown environment variable 'BAYESPFL_MAX_COUTN'; did you mean 'BAYESPFL_MAX_COUNT'?");
  EXPECT_THAT(EnvironmentError("BAYESPFL_CONFGI=file"), HasSubstr("did you mean 'BAYESPFL_CONFIG'?"));
}

TEST_F(SettingTableTest, NamesTheVariableOfABadValue) {
  EXPECT_THAT(EnvironmentError("BAYESPFL_MAX_COUNT="), HasSubstr("BAYESPFL_MAX_COUNT is ''"));
}

TEST_F(SettingTableTest, LeavesVariablesOfOtherProgramsAlone) {
  EXPECT_TRUE(ApplyEnvironment({"BAYESPFL_VENV=/x", "BAYESPFL_TOOLS_VENV=/x", "BAYESPFL_TEST_VENV=/x",
                                "BAYESPFL_CACHE=/x", "BAYESPFL_JOBS=2", "BAYESPFL_SERVER=host:1", "BAYESPFL_TOKEN=x",
                                "BAYESPFL_ADMIN=host:2", "BAYESPFL_SERVER_BINARY=/x", "BAYESPFL_TLS_CA=/x",
                                "BAYESPFL_TOKEN_FILE=/x", "BAYESPFL_CONFIG=file"})
                  .ok());
}

// What a pod finds beside Services named "bayespfl" and "bayespfl-server".
TEST_F(SettingTableTest, LeavesVariablesOfKubernetesServicesAlone) {
  EXPECT_TRUE(ApplyEnvironment({"BAYESPFL_SERVICE_HOST=10.0.0.1", "BAYESPFL_SERVICE_PORT=50051",
                                "BAYESPFL_SERVICE_PORT_GRPC=50051", "BAYESPFL_PORT=tcp://10.0.0.1:50051",
                                "BAYESPFL_PORT_50051_TCP=tcp://10.0.0.1:50051", "BAYESPFL_PORT_50051_TCP_PROTO=tcp",
                                "BAYESPFL_PORT_50051_TCP_PORT=50051", "BAYESPFL_PORT_50051_TCP_ADDR=10.0.0.1",
                                "BAYESPFL_SERVER_PORT_53_UDP_ADDR=10.0.0.1"})
                  .ok());
}

TEST_F(SettingTableTest, AnAddressIsNoValueOfWhatIsNoPort) {
  EXPECT_THAT(EnvironmentError("BAYESPFL_SIZE=tcp://10.0.0.1:50051"), HasSubstr("BAYESPFL_SIZE is 'tcp://"));
}

TEST_F(SettingTableTest, ReadsFlags) {
  const std::vector<const char*> argv = {"server", "--max-count", "9", "--name=x", "--enabled", "--level", "high"};

  const absl::StatusOr<Flags> flags = ParseFlags(static_cast<int>(argv.size()), argv.data(), table_);

  ASSERT_TRUE(flags.ok()) << flags.status();
  for (const auto& [setting, text] : flags->settings) {
    const absl::Status applied = table_.ApplyFlag(*setting, text);
    EXPECT_TRUE(applied.ok()) << applied;
  }
  EXPECT_EQ(values_.count, 9);
  EXPECT_EQ(values_.name, "x");
  EXPECT_TRUE(values_.enabled);
  EXPECT_EQ(values_.level, "high");
}

TEST_F(SettingTableTest, ABooleanFlagMayCarryItsValue) {
  values_.enabled = true;
  const std::vector<const char*> argv = {"server", "--enabled=false"};

  const absl::StatusOr<Flags> flags = ParseFlags(2, argv.data(), table_);

  ASSERT_TRUE(flags.ok()) << flags.status();
  ASSERT_EQ(flags->settings.size(), 1);
  EXPECT_TRUE(table_.ApplyFlag(*flags->settings[0].first, flags->settings[0].second).ok());
  EXPECT_FALSE(values_.enabled);
}

TEST_F(SettingTableTest, NamesTheFlagOfABadValue) {
  const absl::Status status = table_.ApplyFlag(table_.settings()[6], "0");

  EXPECT_EQ(status.message(), "--max-count is '0'; expected a whole number from 1 to 10");
}

TEST_F(SettingTableTest, PrintsWhereEachValueCameFrom) {
  ASSERT_TRUE(table_.ApplyYaml("\nname: x\nmax_count: 2").ok());
  ASSERT_TRUE(ApplyEnvironment({"BAYESPFL_MAX_COUNT=4", "BAYESPFL_LEVEL=high"}).ok());
  ASSERT_TRUE(table_.ApplyFlag(table_.settings()[4], "low").ok());

  const std::string text = table_.ToYaml();

  EXPECT_THAT(text, HasSubstr("name: \"x\"  # file, line 2\n"));
  EXPECT_THAT(text, HasSubstr("max_count: 4  # environment, BAYESPFL_MAX_COUNT\n"));
  EXPECT_THAT(text, HasSubstr("level: \"low\"  # flag, --level\n"));
  EXPECT_THAT(text, HasSubstr("enabled: false  # default\n"));
  EXPECT_EQ(table_.Summary(), "9 settings: 1 from the file, 1 from the environment, 1 from flags");
}

TEST_F(SettingTableTest, WhatItPrintsCanBeReadBack) {
  values_.name = "#\"quoted\": \\ \n\ttab é";
  values_.level = "high";
  values_.enabled = true;
  values_.count = 10;
  values_.size = 0;
  Values read;
  SettingTable other(SettingsOf(read));

  const absl::Status applied = other.ApplyYaml(table_.ToYaml());

  ASSERT_TRUE(applied.ok()) << applied << table_.ToYaml();
  EXPECT_EQ(read.name, values_.name);
  EXPECT_EQ(read.level, "high");
  EXPECT_TRUE(read.enabled);
  EXPECT_EQ(read.count, 10);
  EXPECT_EQ(read.size, 0);
}

TEST_F(SettingTableTest, TheReferenceHasARowForEverySetting) {
  const std::string text = table_.ToMarkdown();

  EXPECT_THAT(text, HasSubstr("\n## Second\n"));
  EXPECT_THAT(text, HasSubstr("| `input` | file | empty | help of input |\n"));
  EXPECT_THAT(text, HasSubstr("| `level` | `low`, `high` | `low` | help of level |\n"));
  EXPECT_THAT(text, HasSubstr("| `max_count` | 1 to 10 | `3` | help of max_count |\n"));
}

TEST_F(SettingTableTest, AcceptsNamesOfWhatExists) {
  const testing::TemporaryFolder folder;
  values_.input = folder.Write("input", "x");
  values_.folder = folder.path();
  values_.output = folder.File("output");

  EXPECT_TRUE(table_.CheckFiles().ok()) << table_.CheckFiles();
}

TEST_F(SettingTableTest, NamesTheKeyOfAMissingFile) {
  ASSERT_TRUE(table_.ApplyYaml("input: /nonexistent/file").ok());

  const absl::Status status = table_.CheckFiles();

  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("input (file, line 1): cannot read /nonexistent/file"));
}

TEST_F(SettingTableTest, AFolderIsNoFileAndAFileIsNoFolder) {
  const testing::TemporaryFolder folder;

  values_.input = folder.path();
  EXPECT_THAT(std::string(table_.CheckFiles().message()), HasSubstr("is a folder, not a file"));
  values_.input = "";
  values_.folder = folder.Write("file", "x");
  EXPECT_THAT(std::string(table_.CheckFiles().message()), HasSubstr("is not a folder"));
}

TEST_F(SettingTableTest, AFileToBeMadeNeedsItsFolder) {
  const testing::TemporaryFolder folder;
  values_.output = folder.File("missing/output");

  EXPECT_EQ(table_.CheckFiles().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bayespfl::server
