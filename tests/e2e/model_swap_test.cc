// Models that change under a running server, on real packages.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
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
using ::testing::StartsWith;

const std::string kPicture = BAYESPFL_ASSETS_DIR "/demo/images/wood/good_0.jpg";

// A model root with two packages of the same weights; their versions tell them apart.
struct ModelRoot : testing::TemporaryFolder {
  ModelRoot() {
    for (const char* name : {"line-a", "line-b"}) {
      fs::copy(BAYESPFL_ASSETS_DIR "/demo/model", fs::path(path()) / name, fs::copy_options::recursive);
    }
    SetVersion("line-b", "1.1.0");
  }
  void SetVersion(const std::string& model, const std::string& version) const {
    const std::string file = model + "/config.json";
    std::ifstream in(fs::path(path()) / file);
    nlohmann::json config = nlohmann::json::parse(in);
    config["version"] = version;
    Write(file, config.dump());
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
    EXPECT_TRUE(testing::Eventually([&] { return absl::StrContains(Metrics(), line); })) << line << "\n" << Metrics();
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
  EXPECT_THAT(nlohmann::json::parse(chosen.out)["model_version"].get<std::string>(), StartsWith("1.0.0+"));
  EXPECT_THAT(nlohmann::json::parse(usual.out)["model_version"].get<std::string>(), StartsWith("1.1.0+"));
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.out, HasSubstr("no model of that name is loaded; there are: line-a, line-b"));
  EXPECT_EQ(nlohmann::json::parse(info.out)["model"], "line-b");
}

TEST_F(ModelSwapTest, SighupLoadsTheModelsAnewAndABadPackageLeavesTheOldOne) {
  const nlohmann::json before = nlohmann::json::parse(Inspect({}).out);
  WaitForMetric("bayespfl_model_loads_total{outcome=\"ok\"} 2\n");
  // A new version of one, and rubbish for the other.
  folder_.SetVersion("line-b", "2.0.0");
  folder_.Write("line-a/config.json", "rubbish");

  server_.Send(SIGHUP);
  WaitForMetric("bayespfl_model_loads_total{outcome=\"ok\"} 3\n");
  WaitForMetric("bayespfl_model_loads_total{outcome=\"failed\"} 1\n");

  const nlohmann::json after = nlohmann::json::parse(Inspect({}).out);
  const nlohmann::json other = nlohmann::json::parse(Inspect({"--model", "line-a"}).out);
  EXPECT_EQ(after["score"], before["score"]);
  EXPECT_THAT(before["model_version"].get<std::string>(), StartsWith("1.1.0+"));
  EXPECT_THAT(after["model_version"].get<std::string>(), StartsWith("2.0.0+"));
  EXPECT_THAT(other["model_version"].get<std::string>(), StartsWith("1.0.0+"));
  EXPECT_THAT(Metrics(), HasSubstr("model=\"line-b\",version=\"2.0.0+"));
  EXPECT_EQ(server_.Terminate(), 0);
}

// How long frames waited and how long the model worked on them, in seconds.
struct Waits {
  int frames = 0;
  double longest_queue = 0;
  double longest_batch = 0;
  double mean_total = 0;
};

// Two clients, each of which sends its next picture when the last is answered: on a server whose batches hold one
// frame, each frame waits for the other client's.
class ModelSwapUnderLoadTest : public ModelSwapTest {
 protected:
  Waits InspectMany() const {
    constexpr int kPictures = 40;
    std::string manifest = "image,category\n";
    for (int i = 0; i < kPictures; ++i) manifest += kPicture + ",wood\n";
    const std::string file = folder_.Write("manifest.csv", manifest);
    Finished runs[2];
    std::vector<std::thread> clients;
    for (Finished& run : runs) {
      clients.emplace_back([&] {
        run = RunProgram("bayespfl-client",
                         {"inspect", "--server", address_, "--json", "--samples", "3", "--manifest", file});
      });
    }
    for (std::thread& client : clients) client.join();
    Waits waits;
    for (const Finished& run : runs) {
      EXPECT_EQ(run.exit_code, 0) << run.out << run.err;
      Add(run.out, waits);
    }
    EXPECT_EQ(waits.frames, 2 * kPictures);
    return waits;
  }

 private:
  static void Add(const std::string& lines, Waits& waits) {
    for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
      const nlohmann::json seconds = nlohmann::json::parse(line)["stage_seconds"];
      const auto stage = [&seconds](const char* name) { return seconds[name].get<double>(); };
      ++waits.frames;
      waits.longest_queue = std::max(waits.longest_queue, stage("queue"));
      waits.longest_batch = std::max(waits.longest_batch, stage("preprocess") + stage("vision") + stage("prompts") +
                                                              stage("detect") + stage("postprocess"));
      waits.mean_total += (stage("total") - waits.mean_total) / waits.frames;
    }
  }
};

TEST_F(ModelSwapUnderLoadTest, NoFrameFailsOrWaitsLongerThanABatch) {
  const Waits before = InspectMany();
  folder_.Write("line-a/config.json", "rubbish");  // every other load fails
  std::atomic<bool> stop{false};
  std::atomic<int> swaps{0};
  std::thread swapper([&] {
    while (!stop) {
      server_.Send(SIGHUP);
      ++swaps;
      WaitForMetric(absl::StrCat("bayespfl_model_loads_total{outcome=\"ok\"} ", 2 + swaps, "\n"));
    }
  });

  const Waits during = InspectMany();
  stop = true;
  swapper.join();

  std::printf(
      "without swaps a frame waits %.3f s at most, a batch takes %.3f s at most, a frame %.3f s on average\n"
      "under %d swaps %.3f, %.3f, %.3f s\n",
      before.longest_queue, before.longest_batch, before.mean_total, swaps.load(), during.longest_queue,
      during.longest_batch, during.mean_total);
  EXPECT_GE(swaps, 3);
  EXPECT_LE(during.longest_queue - before.longest_queue, during.longest_batch);
}

}  // namespace
}  // namespace bayespfl
