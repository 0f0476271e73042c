#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "client/cpp/exit_codes.h"
#include "tests/client/client_program.h"
#include "tests/client/fake_admin_server.h"
#include "tests/client/fake_inspection_server.h"

namespace bayespfl::client {
namespace {

using testing::ClientRun;
using ::testing::ElementsAre;
using testing::FakeAdminServer;
using testing::FakeInspectionServer;
using ::testing::HasSubstr;
using testing::RunClientProgram;

TEST(AdminCommandTest, ShowsAndChangesTheLogLevel) {
  const FakeAdminServer admin;

  const ClientRun shown = RunClientProgram({"admin", "log-level", "--admin", admin.target()});
  const ClientRun changed = RunClientProgram({"admin", "log-level", "debug", "--admin", admin.target()});
  const ClientRun timed = RunClientProgram({"admin", "log-level", "debug", "--for", "10m", "--admin", admin.target()});
  const ClientRun back = RunClientProgram({"admin", "log-level", "--configured", "--admin", admin.target()});

  EXPECT_EQ(shown.out, "info (configured: info)\n") << shown.err;
  EXPECT_EQ(changed.out, "debug (configured: info)\n") << changed.err;
  EXPECT_EQ(timed.out, "debug until 2023-11-14T22:13:20Z (configured: info)\n") << timed.err;
  EXPECT_EQ(back.out, "info (configured: info)\n") << back.err;
  EXPECT_THAT(admin.calls(), ElementsAre("log-level ?", "log-level debug 0", "log-level debug 600", "log-level  0"));
}

TEST(AdminCommandTest, DrainsAndSaysWhatIsStillInFlight) {
  const FakeAdminServer admin;

  const ClientRun run = RunClientProgram({"admin", "drain", "--admin", admin.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out, "LAME_DUCK: 1 frames in flight, 1 streams and 1 other calls open\n");
  EXPECT_THAT(admin.calls(), ElementsAre("drain 1"));
}

TEST(AdminCommandTest, WaitsForTheEndOfADrain) {
  const FakeAdminServer admin;

  const ClientRun run = RunClientProgram({"admin", "drain", "--wait", "--admin", admin.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out, "DRAINING: 0 frames in flight, 0 streams and 0 other calls open\n");
  EXPECT_THAT(admin.calls(), ElementsAre("drain 1", "drain 2", "drain 3"));
}

TEST(AdminCommandTest, ShowsTheConfiguration) {
  const FakeAdminServer admin;

  const ClientRun run = RunClientProgram({"admin", "config", "--admin", admin.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out,
            "compute_threads: 0 (in use: 4)  # default\n"
            "max_batch: 8  # flag, --max-batch\n"
            "# server 1.2.3, file /etc/server.yaml\n"
            "# model line-a, digest 00ff\n"
            "# certificate abcd, expires 2023-11-14T22:13:20Z\n"
            "# tokens_file ef, 2 tokens\n");
}

TEST(AdminCommandTest, ShowsTheConfigurationAsJson) {
  const FakeAdminServer admin;

  const ClientRun run = RunClientProgram({"admin", "config", "--json", "--admin", admin.target()});

  const nlohmann::json json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["settings"][1],
            nlohmann::json(
                {{"key", "max_batch"}, {"value", "8"}, {"in_use", "8"}, {"source", "flag"}, {"place", "--max-batch"}}));
  EXPECT_EQ(json["models"][0]["digest"], "00ff");
  EXPECT_EQ(json["certificate"]["not_after"], "2023-11-14T22:13:20Z");
  EXPECT_EQ(json["tokens"]["tokens"], 2);
}

TEST(AdminCommandTest, SaysWhatIsWrong) {
  const FakeAdminServer admin;
  const auto error = [&admin](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--admin", admin.target()});
    const ClientRun run = RunClientProgram(arguments);
    EXPECT_EQ(run.exit_code, kExitLocal);
    return run.err;
  };

  EXPECT_EQ(error({"admin", "log-level", "loud"}),
            "bayespfl-client: the administration port at " + admin.target() + " refused: level is \"loud\"\n");
  EXPECT_EQ(error({"admin", "log-level", "debug", "--for", "soon"}),
            "bayespfl-client: --for is 'soon'; expected a time such as 90s, 10m or 2h\n");
  EXPECT_EQ(error({"admin", "log-level", "--for", "10m"}), "bayespfl-client: --for needs a level\n");
  EXPECT_THAT(admin.calls(), ElementsAre());
}

TEST(AdminCommandTest, ExitsWith3WhenNobodyIsThere) {
  const std::string target = FakeInspectionServer({}).target();

  for (const char* command : {"log-level", "drain", "config"}) {
    const ClientRun run = RunClientProgram({"admin", command, "--admin", target, "--timeout", "5"});
    EXPECT_EQ(run.exit_code, kExitUnreachable) << command;
    EXPECT_THAT(run.err, HasSubstr("no answer from the administration port at " + target));
  }
}

}  // namespace
}  // namespace bayespfl::client
