#include "server/runtime/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

absl::StatusOr<CommandLine> Parse(std::vector<const char*> arguments) {
  arguments.insert(arguments.begin(), "bayespfl-server");
  return ParseCommandLine(static_cast<int>(arguments.size()), arguments.data());
}

// A file that is gone with the object.
class TemporaryFile {
 public:
  explicit TemporaryFile(const std::string& text) : path_(::testing::TempDir() + "config_" + std::to_string(getpid())) {
    std::ofstream(path_) << text;
  }
  ~TemporaryFile() { std::remove(path_.c_str()); }
  TemporaryFile(const TemporaryFile&) = delete;
  TemporaryFile& operator=(const TemporaryFile&) = delete;
  const char* path() const { return path_.c_str(); }

 private:
  std::string path_;
};

TEST(ConfigTest, DefaultsListenOnTheLoopbackOnly) {
  const absl::StatusOr<CommandLine> parsed = Parse({"--model", "m"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.host, "127.0.0.1");
  EXPECT_EQ(parsed->config.model, "m");
  EXPECT_EQ(parsed->config.max_image_bytes, 64 << 20);
}

TEST(ConfigTest, FlagsWinOverTheFile) {
  const TemporaryFile file("model: from file\nport: 1\nmax_image_bytes: 1000\n");

  const absl::StatusOr<CommandLine> parsed = Parse({"--config", file.path(), "--port", "2"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_EQ(parsed->config.model, "from file");
  EXPECT_EQ(parsed->config.port, 2);
  EXPECT_EQ(parsed->config.max_image_bytes, 1000);
}

TEST(ConfigTest, TheCalibrationIsAKeyAndAFlag) {
  const TemporaryFile file("model: m\ncalibration: from file\n");

  EXPECT_EQ(Parse({"--model", "m"})->config.calibration, "");
  EXPECT_EQ(Parse({"--config", file.path()})->config.calibration, "from file");
  EXPECT_EQ(Parse({"--config", file.path(), "--calibration", "flag"})->config.calibration, "flag");
}

TEST(ConfigTest, YesAndNoAreTrueAndFalse) {
  const TemporaryFile file("model: m\nallow_plaintext_tokens: true\n");

  EXPECT_FALSE(Parse({"--model", "m"})->config.allow_plaintext_tokens);
  EXPECT_TRUE(Parse({"--config", file.path()})->config.allow_plaintext_tokens);
  EXPECT_FALSE(Parse({"--config", file.path(), "--allow-plaintext-tokens", "false"})->config.allow_plaintext_tokens);
  ServerConfig config;
  EXPECT_THAT(std::string(ApplyYaml("allow_plaintext_tokens: 1", config).message()),
              HasSubstr("allow_plaintext_tokens is '1'; expected true or false"));
}

TEST(ConfigTest, NewTokensNeedNoModel) {
  const absl::StatusOr<CommandLine> parsed = Parse({"--new-token", "line-3"});

  ASSERT_TRUE(parsed.ok()) << parsed.status();
  EXPECT_THAT(parsed->text.value_or(""), HasSubstr("- {name: line-3, role: inspect, sha256: "));
  EXPECT_FALSE(Parse({"--model", "m", "--token-role", "admin"}).ok());
}

TEST(ConfigTest, RejectsBadFilesAndNamesTheKey) {
  ServerConfig config;
  EXPECT_THAT(std::string(ApplyYaml("prot: 1", config).message()), HasSubstr("unknown key 'prot'"));
  EXPECT_THAT(std::string(ApplyYaml("port: 1\nport: 2", config).message()), HasSubstr("'port' is repeated"));
  EXPECT_THAT(std::string(ApplyYaml("port: many", config).message()), HasSubstr("port is 'many'"));
  EXPECT_THAT(std::string(ApplyYaml("port: 65536", config).message()), HasSubstr("from 0 to 65535"));
  EXPECT_THAT(std::string(ApplyYaml("port: [1]", config).message()), HasSubstr("port is not a single value"));
  EXPECT_EQ(ApplyYaml("- a", config).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ApplyYaml("{", config).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_TRUE(ApplyYaml("", config).ok());
}

TEST(ConfigTest, RejectsBadFlags) {
  EXPECT_EQ(Parse({"--model", "m", "--nonsense"}).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(Parse({"--model", "m", "--max-batch", "0"}).status().message()), HasSubstr("max_batch"));
  EXPECT_THAT(std::string(Parse({}).status().message()), HasSubstr("--model DIR"));
  EXPECT_EQ(Parse({"--config", "/nonexistent/file"}).status().code(), absl::StatusCode::kNotFound);
}

TEST(ConfigTest, HelpAndVersionAreTextsToPrint) {
  EXPECT_THAT(Parse({"--help"})->text.value_or(""), HasSubstr("--max-frames-in-flight"));
  EXPECT_THAT(Parse({"--version"})->text.value_or(""), HasSubstr("bayespfl-server "));
}

}  // namespace
}  // namespace bayespfl::server
