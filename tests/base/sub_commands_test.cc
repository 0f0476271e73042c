#include "base/sub_commands.h"

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::HasSubstr;
using ::testing::Optional;

// What a program with the commands `inspect` and `verify` made of its command line.
struct Outcome {
  std::optional<int> exit_code;
  std::string out;
  std::string err;
  std::vector<std::string> ran;  // commands
};

Outcome RunProgram(std::vector<const char*> arguments) {
  Outcome outcome;
  CLI::App app("Does things.", "program");
  app.set_version_flag("--version", "1.2.3");
  std::string model;
  int samples = 0;
  CLI::App* inspect = app.add_subcommand("inspect", "looks");
  inspect->add_option("--model", model)->required();
  inspect->add_option("--samples", samples)->check(CLI::Range(1, 64));
  inspect->callback([&outcome] { outcome.ran.emplace_back("inspect"); });
  app.add_subcommand("verify", "checks")->callback([&outcome] { outcome.ran.emplace_back("verify"); });
  CLI::App* models = app.add_subcommand("models", "several");
  models->require_subcommand(1);
  models->add_subcommand("list", "all")->callback([&outcome] { outcome.ran.emplace_back("models list"); });
  models->add_subcommand("get", "one")->add_option("--name", model)->required();
  arguments.insert(arguments.begin(), "/usr/bin/program");
  ::testing::internal::CaptureStdout();
  ::testing::internal::CaptureStderr();

  outcome.exit_code = RunSubCommand(app, static_cast<int>(arguments.size()), arguments.data());

  outcome.out = ::testing::internal::GetCapturedStdout();
  outcome.err = ::testing::internal::GetCapturedStderr();
  return outcome;
}

// The error of a command line that must not run anything.
std::string Error(const std::vector<const char*>& arguments) {
  const Outcome outcome = RunProgram(arguments);
  EXPECT_THAT(outcome.exit_code, Optional(kExitWrongUsage));
  EXPECT_EQ(outcome.out, "");
  EXPECT_TRUE(outcome.ran.empty());
  return outcome.err;
}

TEST(RunSubCommandTest, RunsTheCommand) {
  const Outcome outcome = RunProgram({"inspect", "--model", "x"});

  EXPECT_EQ(outcome.exit_code, std::nullopt);
  EXPECT_EQ(outcome.ran, std::vector<std::string>{"inspect"});
  EXPECT_EQ(outcome.out + outcome.err, "");
}

TEST(RunSubCommandTest, HelpAndVersionAreNoErrors) {
  const Outcome help = RunProgram({"--help"});
  const Outcome version = RunProgram({"--version"});

  EXPECT_THAT(help.exit_code, Optional(0));
  EXPECT_THAT(help.out, HasSubstr("inspect"));
  EXPECT_THAT(version.exit_code, Optional(0));
  EXPECT_EQ(version.out, "1.2.3\n");
  EXPECT_EQ(help.err + version.err, "");
}

TEST(RunSubCommandTest, WithoutACommandItNamesThem) {
  EXPECT_EQ(Error({}), "program: no command given; there are: inspect, verify, models\n");
}

TEST(RunSubCommandTest, AnUnknownCommandIsNamedWithTheNearest) {
  EXPECT_EQ(Error({"inpsect", "--model", "x"}), "program: unknown command 'inpsect'; did you mean 'inspect'?\n");
  EXPECT_EQ(Error({"train"}), "program: unknown command 'train'; there are: inspect, verify, models\n");
}

TEST(RunSubCommandTest, AnUnknownFlagIsNamedWithTheNearestAlthoughAnotherIsMissing) {
  EXPECT_EQ(Error({"inspect", "--modle", "x"}), "program inspect: unknown flag '--modle'; did you mean '--model'?\n");
  EXPECT_EQ(Error({"inspect", "--model", "x", "--colour"}),
            "program inspect: unknown flag '--colour'; --help lists the known ones\n");
}

TEST(RunSubCommandTest, TheValueOfAnUnknownFlagIsNotRepeated) {
  EXPECT_EQ(Error({"inspect", "--modle=secret"}), "program inspect: unknown flag '--modle'; did you mean '--model'?\n");
}

TEST(RunSubCommandTest, AFlagBeforeTheCommandIsToldWhereItBelongs) {
  EXPECT_EQ(Error({"--model=x", "inspect"}), "program: unknown flag '--model'; flags come after the command\n");
}

TEST(RunSubCommandTest, AMissingFlagAndABadValueAreNamed) {
  EXPECT_EQ(Error({"inspect"}), "program inspect: --model is required; --help says what it takes\n");
  EXPECT_THAT(Error({"inspect", "--model", "x", "--samples", "99"}),
              HasSubstr("program inspect: --samples: Value 99 not in range 1 to 64"));
}

TEST(RunSubCommandTest, AWordTooManyIsNamedWithoutItsControlCharacters) {
  EXPECT_EQ(Error({"verify", "a\x1b[2Jb"}),
            "program verify: there is no place for 'a\\x1b[2Jb'; --help says what it takes\n");
}

TEST(RunSubCommandTest, RunsACommandOfACommand) {
  const Outcome outcome = RunProgram({"models", "list"});

  EXPECT_EQ(outcome.exit_code, std::nullopt);
  EXPECT_EQ(outcome.ran, std::vector<std::string>{"models list"});
}

TEST(RunSubCommandTest, NamesTheCommandOfACommandThatIsWrong) {
  EXPECT_EQ(Error({"models"}), "program models: no command given; there are: list, get\n");
  EXPECT_EQ(Error({"models", "lst"}), "program models: unknown command 'lst'; did you mean 'list'?\n");
  EXPECT_EQ(Error({"models", "get", "--nam", "x"}),
            "program models get: unknown flag '--nam'; did you mean '--name'?\n");
  EXPECT_EQ(Error({"models", "get"}), "program models get: --name is required; --help says what it takes\n");
}

}  // namespace
}  // namespace bayespfl
