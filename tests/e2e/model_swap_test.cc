// Models that change under a running server, on real packages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "httplib.h"
#include "tests/e2e/process.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using testing::Background;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunProgram;

const std::string kPicture = BAYESPFL_ASSETS_DIR "/demo/images/wood/good_0.jpg";

// A model root with two packages.
struct ModelRoot : testing::TemporaryFolder {
  ModelRoot() {
    for (const char* name : {"line-a", "line-b"}) {
      fs::copy(BAYESPFL_ASSETS_DIR "/demo/model", fs::path(path()) / name, fs::copy_options::recursive);
    }
  }
};

class ModelSwapTest : public ::testing::Test {
 protected:
  Finished Inspect(const std::vector<std::string>& more) const {
    std::vector<std::string> arguments = {"inspect", "--server",  address_, "--json",     "--seed",
                                          "1",       "--samples", "3",      "--category", "wood"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    arguments.push_back(kPicture);
    return RunProgram("bayespfl-client", arguments);
  }
  std::string Metrics() const {
    const httplib::Result reply = httplib::Client("http://" + http_address_).Get("/metrics");
    return reply ? reply->body : "";
  }
  void WaitForMetric(const std::string& line) const {
    while (!absl::StrContains(Metrics(), line)) std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }

  const ModelRoot folder_;
  Background server_{"bayespfl-server",
                     {"--model-root", folder_.path(), "--models", "line-a,line-b", "--default-model", "line-b",
                      "--port", "0", "--http-port", "0", "--max-batch", "1", "--log-level", "off"}};
  const std::string address_ = server_.WaitForLine("bayespfl-server: gRPC listening on ");
  const std::string http_address_ = server_.WaitForLine("bayespfl-server: HTTP listening on ");
  const std::string ready_ = server_.WaitForLine("bayespfl-server: ready");
};

TEST_F(ModelSwapTest, RequestsChooseTheirModelByItsFoldersName) {
  const Finished chosen = Inspect({"--model", "line-a"});
  const Finished usual = Inspect({});
  const Finished unknown = Inspect({"--model", "line-c"});
  const Finished info = RunProgram("bayespfl-client", {"info", "--server", address_, "--json"});

  ASSERT_EQ(chosen.exit_code, 0) << chosen.err;
  ASSERT_EQ(usual.exit_code, 0) << usual.err;
  EXPECT_EQ(nlohmann::json::parse(chosen.out)["score"], nlohmann::json::parse(usual.out)["score"]);
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.out, HasSubstr("no model of that name is loaded; there are: line-a, line-b"));
  EXPECT_EQ(nlohmann::json::parse(info.out)["model"], "line-b");
}

TEST_F(ModelSwapTest, SighupLoadsTheModelsAnewAndABadPackageLeavesTheOldOne) {
  const nlohmann::json before = nlohmann::json::parse(Inspect({}).out);
  WaitForMetric("bayespfl_model_loads_total{outcome=\"ok\"} 2\n");
  // A new version of one, and rubbish for the other.
  const fs::path config = fs::path(folder_.path()) / "line-b" / "config.json";
  std::ifstream in(config);
  nlohmann::json changed = nlohmann::json::parse(in);
  changed["version"] = "2.0.0";
  folder_.Write("line-b/config.json", changed.dump());
  folder_.Write("line-a/config.json", "rubbish");

  server_.Send(SIGHUP);
  WaitForMetric("bayespfl_model_loads_total{outcome=\"ok\"} 3\n");
  WaitForMetric("bayespfl_model_loads_total{outcome=\"failed\"} 1\n");

  const nlohmann::json after = nlohmann::json::parse(Inspect({}).out);
  EXPECT_EQ(after["score"], before["score"]);
  EXPECT_THAT(Metrics(), HasSubstr("model=\"line-b\",version=\"2.0.0+"));
  EXPECT_EQ(Inspect({"--model", "line-a"}).exit_code, 0);
  EXPECT_EQ(server_.Terminate(), 0);
}

}  // namespace
}  // namespace bayespfl
