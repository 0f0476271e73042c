#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

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

TEST(ModelsCommandTest, ListsTheModels) {
  FakeInspectionServer server({});

  const ClientRun run = RunClientProgram({"models", "list", "--server", server.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_EQ(run.out,
            "name  default  version  device  precision  categories\n"
            "fake  yes      1+00ff   cpu     fp32       1\n");
}

TEST(ModelsCommandTest, ListsTheModelsAsJson) {
  FakeInspectionServer server({});

  const ClientRun run = RunClientProgram({"models", "list", "--server", server.target(), "--json"});

  const nlohmann::json models = nlohmann::json::parse(run.out)["models"];
  ASSERT_EQ(models.size(), 1U);
  EXPECT_EQ(models[0]["name"], "fake");
  EXPECT_EQ(models[0]["is_default"], true);
  EXPECT_EQ(models[0]["categories_total"], 1);
}

TEST(ModelsCommandTest, SaysThatNoModelServes) {
  FakeInspectionServer server({.loading = true});

  EXPECT_EQ(RunClientProgram({"models", "list", "--server", server.target()}).out, "no model serves\n");
}

TEST(ModelsCommandTest, ShowsAModelWithItsCategories) {
  FakeInspectionServer server({});

  const ClientRun by_name = RunClientProgram({"models", "get", "fake", "--server", server.target()});
  const ClientRun default_one = RunClientProgram({"models", "get", "--server", server.target()});

  EXPECT_EQ(by_name.exit_code, kExitOk) << by_name.err;
  EXPECT_THAT(by_name.out, HasSubstr("package_name         fake-package\n"));
  EXPECT_THAT(by_name.out,
              HasSubstr("\n  PCB-4711 rev C (printed circuit board): mask 0.75, score review 0.4 fail 0.6; "
                        "seed 3, 10 samples, 120 good pictures\n"));
  EXPECT_EQ(default_one.out, by_name.out);
}

TEST(ModelsCommandTest, ShowsAModelAsJson) {
  FakeInspectionServer server({});

  const nlohmann::json model =
      nlohmann::json::parse(RunClientProgram({"models", "get", "--server", server.target(), "--json"}).out);

  EXPECT_EQ(model["kind"], "bayes-pfl");
  ASSERT_EQ(model["categories"].size(), 1U);
  EXPECT_EQ(model["categories"][0]["object"], "printed circuit board");
  EXPECT_EQ(model["categories"][0]["thresholds"]["lines"]["score"]["fail"], 0.6);
  EXPECT_TRUE(model["categories"][0]["confidence"].is_null());
}

TEST(ModelsCommandTest, ExitsWith1ForAModelThatIsNotThere) {
  FakeInspectionServer server({});

  const ClientRun run = RunClientProgram({"models", "get", "other", "--server", server.target()});

  EXPECT_EQ(run.exit_code, kExitLocal);
  EXPECT_EQ(run.out, "");
  EXPECT_EQ(run.err, "bayespfl-client: the server at " + server.target() +
                         " refused: no model of that name is loaded; there are: fake\n");
}

TEST(ModelsCommandTest, ChangesTheModelsOverTheAdministrationPort) {
  const FakeAdminServer admin;

  const ClientRun load = RunClientProgram({"models", "load", "line-a", "--admin", admin.target()});
  const ClientRun usual = RunClientProgram({"models", "default", "line-a", "--admin", admin.target()});
  const ClientRun unload = RunClientProgram({"models", "unload", "line-b", "--admin", admin.target()});

  EXPECT_EQ(load.exit_code + usual.exit_code + unload.exit_code, kExitOk) << load.err << usual.err << unload.err;
  EXPECT_EQ(load.out, "line-a serves: 1.0.0+00ff on cpu\n");
  EXPECT_EQ(usual.out, "line-a answers the requests that name no model\n");
  EXPECT_EQ(unload.out, "line-b serves no more\n");
  EXPECT_THAT(admin.calls(), ElementsAre("load line-a", "default line-a", "unload line-b"));
}

TEST(ModelsCommandTest, ExitsWith1WhenAChangeIsRefusedAndSaysWhy) {
  const FakeAdminServer admin;
  for (const char* change : {"load", "unload", "default"}) {
    const ClientRun run = RunClientProgram({"models", change, "broken", "--admin", admin.target()});

    EXPECT_EQ(run.exit_code, kExitLocal) << change;
    EXPECT_EQ(run.err, "bayespfl-client: the administration port at " + admin.target() +
                           " refused: weights.safetensors is cut short\n");
  }
}

TEST(ModelsCommandTest, ExitsWith3WhenNobodyIsThere) {
  const std::string target = FakeInspectionServer({}).target();

  const ClientRun question = RunClientProgram({"models", "list", "--server", target});
  const ClientRun change = RunClientProgram({"models", "load", "line-a", "--admin", target, "--timeout", "5"});

  EXPECT_EQ(question.exit_code, kExitUnreachable);
  EXPECT_EQ(change.exit_code, kExitUnreachable);
  EXPECT_THAT(change.err, HasSubstr("no answer from the administration port at " + target));
}

TEST(ModelsCommandTest, SaysWhatIsWrongWithACommandLine) {
  const auto error = [](const std::vector<std::string>& arguments) {
    const ClientRun run = RunClientProgram(arguments);
    EXPECT_EQ(run.exit_code, kExitLocal);
    return run.err;
  };

  EXPECT_EQ(error({"models"}),
            "bayespfl-client models: no command given; there are: list, get, load, unload, default\n");
  EXPECT_EQ(error({"models", "lst"}), "bayespfl-client models: unknown command 'lst'; did you mean 'list'?\n");
  EXPECT_EQ(error({"models", "load", "line-a"}),
            "bayespfl-client models load: --admin is required; --help says what it takes\n");
  EXPECT_EQ(error({"models", "load", "--admin", "127.0.0.1:1"}),
            "bayespfl-client models load: name is required; --help says what it takes\n");
  EXPECT_EQ(error({"models", "load", "line-a", "--admin", "nowhere"}),
            "bayespfl-client: \"nowhere\" is no server address: it must be HOST:PORT with a port of 1..65535\n");
}

TEST(InfoCommandTest, ShowsVersionLimitsAndDefaultModel) {
  FakeInspectionServer server({});

  const ClientRun run = RunClientProgram({"info", "--server", server.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("server_version                    1.2.3\n"
                                 "default_model                     fake 1+00ff on cpu, 1 calibrated category\n"
                                 "max_message_bytes                 68157440\n"));
  EXPECT_THAT(run.out, HasSubstr("max_streams_per_client            none\n"));
  EXPECT_THAT(run.out, HasSubstr("min_ping_interval_seconds         10.0\n"));
}

TEST(InfoCommandTest, ShowsTheSameAsJson) {
  FakeInspectionServer server({});

  const nlohmann::json info =
      nlohmann::json::parse(RunClientProgram({"info", "--server", server.target(), "--json"}).out);

  EXPECT_EQ(info["server_version"], "1.2.3");
  EXPECT_EQ(info["default_model"]["name"], "fake");
  EXPECT_EQ(info["limits"]["max_streams"], 256);
  EXPECT_TRUE(info["limits"]["max_stream_age_seconds"].is_null());
}

TEST(InfoCommandTest, AServerThatStillLoadsItsModelHasLimitsToo) {
  FakeInspectionServer server({.loading = true});

  const ClientRun run = RunClientProgram({"info", "--server", server.target()});

  EXPECT_EQ(run.exit_code, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("default_model                     none: no model is loaded yet\n"));
}

TEST(HealthCommandTest, ExitsWith0OnlyWhenTheServerIsReady) {
  FakeInspectionServer server({});
  server.SetServing(true);
  const ClientRun ready = RunClientProgram({"health", "--server", server.target()});
  server.SetServing(false);
  const ClientRun busy = RunClientProgram({"health", "--server", server.target()});

  EXPECT_EQ(ready.exit_code, kExitOk);
  EXPECT_EQ(ready.out, "SERVING\n");
  EXPECT_EQ(busy.exit_code, kExitUnreachable);
  EXPECT_EQ(busy.out, "NOT_SERVING\n");
}

}  // namespace
}  // namespace bayespfl::client
