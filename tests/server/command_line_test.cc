#include "server/runtime/command_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/support/paths.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class CommandLineTest : public ::testing::Test {
 protected:
  using Words = std::vector<std::string>;

  static absl::StatusOr<CommandLine> Parse(const Words& arguments, const Words& variables = {}) {
    std::vector<const char*> argv = {"bayespfl-server"};
    for (const std::string& argument : arguments) argv.push_back(argument.c_str());
    std::vector<const char*> environment;
    for (const std::string& variable : variables) environment.push_back(variable.c_str());
    environment.push_back(nullptr);
    return ParseCommandLine(static_cast<int>(argv.size()), argv.data(), environment.data());
  }

  static std::string Error(const Words& arguments, const Words& variables = {}) {
    const absl::StatusOr<CommandLine> parsed = Parse(arguments, variables);
    EXPECT_FALSE(parsed.ok());
    return std::string(parsed.status().message());
  }

  const testing::TemporaryFolder folder_;
  const std::string model_ = folder_.path();  // any folder
};

TEST_F(CommandLineTest, FlagsWinOverTheEnvironmentAndThatOverTheFile) {
  const std::string file = folder_.Write("config", "model: " + model_ + "\nport: 1\nhttp_port: 1\nmax_batch: 1\n");

  const absl::StatusOr<CommandLine> parsed =
      Parse({"--config", file, "--port", "3"}, {"BAYESPFL_PORT=2", "BAYESPFL_HTTP_PORT=2"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.port, 3);
  EXPECT_EQ(parsed->config.http_port, 2);
  EXPECT_EQ(parsed->config.max_batch, 1);
  EXPECT_EQ(parsed->config.max_streams, ServerConfig().max_streams);
  EXPECT_FALSE(parsed->text.has_value());
}

TEST_F(CommandLineTest, TheEnvironmentMayNameTheFile) {
  const std::string file = folder_.Write("config", "model: " + model_ + "\nport: 1\n");
  const std::string other = folder_.Write("other", "model: " + model_ + "\nport: 2\n");

  EXPECT_EQ(Parse({}, {"BAYESPFL_CONFIG=" + file})->config.port, 1);
  EXPECT_EQ(Parse({"--config", other}, {"BAYESPFL_CONFIG=" + file})->config.port, 2);
}

TEST_F(CommandLineTest, RejectsUnknownFlagsAndNamesTheNearest) {
  EXPECT_EQ(Error({"--max-bach", "3"}), "unknown flag '--max-bach'; did you mean '--max-batch'?");
  EXPECT_EQ(Error({"--max_batch=3"}), "unknown flag '--max_batch'; did you mean '--max-batch'?");
  EXPECT_EQ(Error({"--nonsense"}), "unknown flag '--nonsense'; --help lists the known ones");
  EXPECT_THAT(Error({"word"}), HasSubstr("unexpected argument 'word'"));
}

TEST_F(CommandLineTest, RejectsFlagsWithoutAValueOrGivenTwice) {
  EXPECT_THAT(Error({"--port"}), HasSubstr("--port"));
  EXPECT_THAT(Error({"--port", "1", "--port", "2"}), HasSubstr("--port"));
}

TEST_F(CommandLineTest, NamesFileAndLineOfAMistake) {
  const std::string file = folder_.Write("config", "model: m\nprot: 1\n");

  EXPECT_EQ(Error({"--config", file}), file + ": line 2: unknown key 'prot'; did you mean 'port'?");
}

TEST_F(CommandLineTest, RejectsUnknownVariables) {
  EXPECT_THAT(Error({"--model", model_}, {"BAYESPFL_PROT=1"}), HasSubstr("did you mean 'BAYESPFL_PORT'?"));
}

TEST_F(CommandLineTest, ThePortOfAKubernetesServiceIsNotOurs) {
  const absl::StatusOr<CommandLine> parsed =
      Parse({"--model", model_}, {"BAYESPFL_PORT=tcp://10.0.0.1:80", "BAYESPFL_HTTP_PORT=tcp://10.0.0.1:80"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.port, ServerConfig().port);
  EXPECT_EQ(parsed->config.http_port, ServerConfig().http_port);
}

TEST_F(CommandLineTest, AMissingConfigurationFileIsAnError) {
  const absl::StatusOr<CommandLine> parsed = Parse({"--config", "/nonexistent/file"});

  EXPECT_EQ(parsed.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(parsed.status().message()), HasSubstr("/nonexistent/file"));
}

TEST_F(CommandLineTest, AFolderIsNoConfigurationFile) {
  EXPECT_THAT(Error({"--config", folder_.path()}), HasSubstr("is a folder"));
}

TEST_F(CommandLineTest, AMissingModelOrCalibrationIsFoundBeforeAnyPortOpens) {
  EXPECT_EQ(Error({"--model", "nowhere"}), "model (flag, --model): nowhere is not a folder");
  EXPECT_THAT(Error({"--model", model_, "--calibration", "nowhere"}), HasSubstr("calibration (flag, --calibration)"));
}

TEST_F(CommandLineTest, AMissingPackageOfTheRootIsFoundBeforeAnyPortOpens) {
  std::filesystem::create_directory(folder_.File("a"));

  EXPECT_TRUE(Parse({"--model-root", model_, "--models", "a"}).ok());
  EXPECT_THAT(Error({"--model-root", model_, "--models", "a, b"}),
              HasSubstr("models names 'b', which is no folder of"));
}

TEST_F(CommandLineTest, ValuesAreCheckedTogether) {
  EXPECT_THAT(Error({"--model", model_, "--port", "9090"}), HasSubstr("port and http_port are both 9090"));
}

TEST_F(CommandLineTest, CheckConfigSaysInOneSentenceThatAllIsWell) {
  const absl::StatusOr<CommandLine> parsed = Parse({"--check-config", "--model", model_}, {"BAYESPFL_PORT=0"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->text.value_or(""), StartsWith("The configuration is valid ("));
  EXPECT_THAT(parsed->text.value_or(""), HasSubstr("1 from the environment, 1 from flags).\n"));
}

TEST_F(CommandLineTest, CheckConfigFindsWhatAStartWouldFind) {
  EXPECT_THAT(Error({"--check-config"}), HasSubstr("no model given"));
  EXPECT_THAT(Error({"--check-config", "--model", "nowhere"}), HasSubstr("nowhere is not a folder"));
}

TEST_F(CommandLineTest, PrintConfigCanBeFedBack) {
  const absl::StatusOr<CommandLine> printed =
      Parse({"--print-config", "--model", model_, "--max-batch", "7"}, {"BAYESPFL_LOG_LEVEL=off"});
  ASSERT_TRUE(printed.ok()) << printed.status();
  const std::string file = folder_.Write("printed", printed->text.value_or(""));

  const absl::StatusOr<CommandLine> read = Parse({"--config", file});

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->config, printed->config);
  EXPECT_EQ(read->config.max_batch, 7);
  EXPECT_EQ(read->config.log_level, "off");
}

TEST_F(CommandLineTest, PrintConfigShowsAlsoWhatCannotRun) {
  const absl::StatusOr<CommandLine> printed = Parse({"--print-config", "--model", "nowhere"});

  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_THAT(printed->text.value_or(""), HasSubstr("model: \"nowhere\"  # flag, --model\n"));
}

TEST_F(CommandLineTest, HelpAndVersionAreTextsToPrint) {
  EXPECT_THAT(Parse({"--help"})->text.value_or(""), HasSubstr("--max-frames-in-flight"));
  EXPECT_THAT(Parse({"--version"})->text.value_or(""), StartsWith("bayespfl-server "));
}

TEST_F(CommandLineTest, TheCommittedReferenceIsTheCurrentOne) {
  std::ifstream file(testing::SourceFile("docs/configuration.md"));
  const std::string committed{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};

  EXPECT_EQ(committed, ConfigReference())
      << "run: build/bin/bayespfl-server --print-config-reference >docs/configuration.md";
  EXPECT_EQ(Parse({"--print-config-reference"})->text, ConfigReference());
}

}  // namespace
}  // namespace bayespfl::server
