// An operator at the command line, in front of a real server.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
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
using testing::kDemoModel;
using testing::RunProgram;
using ::testing::StartsWith;

// Set for the programs that are started while it is there.
class EnvironmentVariable {
 public:
  EnvironmentVariable(const char* name, const char* value) : name_(name) { setenv(name, value, /*overwrite=*/1); }
  ~EnvironmentVariable() { unsetenv(name_); }
  EnvironmentVariable(const EnvironmentVariable&) = delete;
  EnvironmentVariable& operator=(const EnvironmentVariable&) = delete;

 private:
  const char* const name_;
};

class AdminProgramTest : public ::testing::Test {
 protected:
  Finished Admin(const std::vector<std::string>& words) const {
    std::vector<std::string> arguments = {"admin"};
    arguments.insert(arguments.end(), words.begin(), words.end());
    arguments.insert(arguments.end(), {"--admin", admin_});
    return RunProgram("bayespfl-client", arguments);
  }

  const EnvironmentVariable threads_{"BAYESPFL_COMPUTE_THREADS", "1"};
  const testing::TemporaryFolder folder_;
  const std::string file_ = folder_.Write("server.yaml", "log_level: error\nmax_batch: 2\n");
  Background server_{"bayespfl-server",
                     {"--config", file_, "--model", kDemoModel, "--port", "0", "--http-port", "0", "--admin-port", "0",
                      "--drain-delay-seconds", "0"}};
  const std::string address_ = server_.WaitForLine("bayespfl-server: gRPC listening on ");
  const std::string admin_ = server_.WaitForLine("bayespfl-server: administration listening on ");
  const std::string ready_ = server_.WaitForLine("bayespfl-server: ready");
};

TEST_F(AdminProgramTest, TheLogLevelIsSetAndAReloadBringsTheFilesBack) {
  EXPECT_EQ(Admin({"log-level"}).out, "error (configured: error)\n");
  EXPECT_EQ(Admin({"log-level", "debug"}).out, "debug (configured: error)\n");
  EXPECT_THAT(Admin({"log-level", "info", "--for", "10m"}).out, StartsWith("info until 20"));
  EXPECT_EQ(Admin({"log-level", "off"}).exit_code, 1);
  folder_.Write("server.yaml", "log_level: warning\nmax_batch: 3\n");

  server_.Send(SIGHUP);

  EXPECT_TRUE(Eventually([this] { return Admin({"log-level"}).out == "warning (configured: warning)\n"; }));
}

TEST_F(AdminProgramTest, TheConfigurationSaysWhereEachValueComesFrom) {
  const Finished run = Admin({"config"});
  const Finished as_json = Admin({"config", "--json"});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("max_batch: 2  # file, line 2\n"));
  EXPECT_THAT(run.out, HasSubstr("drain_delay_seconds: 0  # flag, --drain-delay-seconds\n"));
  EXPECT_THAT(run.out, HasSubstr("compute_threads: 1  # environment, BAYESPFL_COMPUTE_THREADS\n"));
  EXPECT_THAT(run.out, HasSubstr("replicas: 1  # default\n"));
  EXPECT_THAT(run.out, HasSubstr(absl::StrCat(", file ", file_, "\n# model bayespfl-demo, digest ")));
  EXPECT_GT(nlohmann::json::parse(as_json.out)["settings"].size(), 40);
}

TEST_F(AdminProgramTest, ADrainedServerTakesNoWorkAndEndsWithSigterm) {
  const Finished drained = Admin({"drain", "--wait"});

  EXPECT_EQ(drained.exit_code, 0) << drained.err;
  EXPECT_EQ(drained.out, "DRAINING: 0 frames in flight, 0 streams and 0 other calls open\n");
  EXPECT_EQ(RunProgram("bayespfl-client", {"health", "--server", address_}).exit_code, 3);
  EXPECT_EQ(Admin({"config"}).exit_code, 0) << "there is still somebody to ask";
  EXPECT_EQ(server_.Terminate(), 0);
}

}  // namespace
}  // namespace bayespfl
