// The three programs as real processes, on the embedded model and the demo pictures.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "base/http_library.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"
#include "tests/e2e/process.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::Background;
using ::testing::ContainsRegex;
using ::testing::ElementsAre;
using testing::Eventually;
using testing::Finished;
using ::testing::HasSubstr;
using testing::kDemoModel;
using testing::kDemoModelSide;
using testing::RunProgram;
using ::testing::UnorderedElementsAre;

const std::string kImages = testing::Asset("demo/images");

std::vector<nlohmann::json> JsonLines(const std::string& text) {
  std::vector<nlohmann::json> lines;
  std::istringstream stream(text);
  for (std::string line; std::getline(stream, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

class ModelProgramTest : public ::testing::Test {
 protected:
  const testing::TemporaryFolder folder_;
  const std::filesystem::path maps_ = folder_.File("maps");
};

TEST_F(ModelProgramTest, InspectPrintsOneJsonLinePerPictureAndWritesMaps) {
  const std::string good = kImages + "/leather/good_0.jpg";
  const std::string bad = kImages + "/leather/hole_0.jpg";
  const Finished run = RunProgram("bayespfl-model", {"inspect", "--model", kDemoModel, "--category", "leather",
                                                     "--samples", "3", "--seed", "5", "--map-dir", maps_, good, bad});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  const std::vector<nlohmann::json> lines = JsonLines(run.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0]["image"], good);
  for (const nlohmann::json& line : lines) {
    for (const char* key : {"category", "verdict", "score", "score_std", "map_score", "provenance", "timings"}) {
      EXPECT_TRUE(line.contains(key)) << key;
    }
  }
  EXPECT_LT(lines[0]["score"], lines[1]["score"]);

  std::ifstream npy(maps_ / "hole_0.npy", std::ios::binary);
  const std::string content((std::istreambuf_iterator<char>(npy)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(content.starts_with("\x93NUMPY\x01"));
  EXPECT_THAT(content.substr(0, 128), HasSubstr("'descr': '<f4', 'fortran_order': False, 'shape': (240, 240)"));
  EXPECT_EQ(content.size() % 64, 0U);
  EXPECT_EQ(content.size(), 128 + size_t{kDemoModelSide} * kDemoModelSide * 4);
}

TEST_F(ModelProgramTest, InspectNamesABadPictureAndGoesOn) {
  const Finished run =
      RunProgram("bayespfl-model", {"inspect", "--model", kDemoModel, "--category", "leather", "--samples", "1",
                                    kImages + "/manifest.csv", kImages + "/leather/good_0.jpg"});
  EXPECT_EQ(run.exit_code, 1);
  const std::vector<nlohmann::json> lines = JsonLines(run.out);
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0]["error"]["message"].get<std::string>(), HasSubstr("unsupported image format"));
  EXPECT_TRUE(lines[1].contains("score"));
}

TEST_F(ModelProgramTest, InspectOfAMissingModelSaysSo) {
  const Finished run = RunProgram("bayespfl-model", {"inspect", "--model", "nowhere", "--category", "x", "a.png"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("nowhere is not a folder"));
}

class ServerProgramTest : public ::testing::Test {
 protected:
  void SetUp() override {
    address_ = server_.WaitForLine("bayespfl-server: gRPC listening on ");
    ASSERT_FALSE(address_.empty());
    ASSERT_FALSE(server_.WaitForLine("bayespfl-server: ready").empty());
  }

  Background server_{"bayespfl-server",
                     {"--model", kDemoModel, "--port", "0", "--http-port", "0", "--drain-delay-seconds", "0"}};
  std::string address_;
  const testing::TemporaryFolder folder_;
  const std::filesystem::path output_ = folder_.File("output");
};

TEST_F(ServerProgramTest, TheDemoRunFindsAllDefectsButOneAndTheServerStopsCleanly) {
  const Finished run = RunProgram("bayespfl-client", {"inspect", "--server", address_, "--stream", "--json",
                                                      "--manifest", kImages + "/manifest.csv", "--output", output_});
  ASSERT_EQ(run.exit_code, 0) << run.err;
  std::vector<std::string> passed;
  size_t good = 0;
  const std::vector<nlohmann::json> lines = JsonLines(run.out);
  for (const nlohmann::json& line : lines) {
    ASSERT_TRUE(line.contains("verdict")) << line;
    const std::string image = line["image"];
    const bool passes = line["verdict"] == "PASS";
    if (image.find("good_") != std::string::npos) {
      ++good;
      EXPECT_TRUE(passes) << line;
    } else if (passes) {
      passed.push_back(image);
    }
  }
  EXPECT_EQ(lines.size(), 27U);
  EXPECT_EQ(good, 9U);
  EXPECT_THAT(passed, ElementsAre(HasSubstr("granite/crack_0.jpg")));
  EXPECT_TRUE(std::filesystem::exists(output_ / "leather" / "hole_0_overlay.png"));
  EXPECT_TRUE(std::filesystem::exists(output_ / "leather" / "hole_0_mask.png"));
  EXPECT_EQ(server_.Terminate(), 0);
}

TEST_F(ServerProgramTest, UnaryAndStreamAndToolGiveTheSameScore) {
  const std::string picture = kImages + "/wood/hole_0.jpg";
  const std::vector<std::string> common = {"inspect", "--server", address_, "--json", "--category",
                                           "wood",    "--seed",   "3",      picture};
  std::vector<std::string> streamed = common;
  streamed.emplace_back("--stream");
  const Finished unary = RunProgram("bayespfl-client", common);
  const Finished stream = RunProgram("bayespfl-client", streamed);
  const Finished tool =
      RunProgram("bayespfl-model", {"inspect", "--model", kDemoModel, "--category", "wood", "--seed", "3", picture});
  ASSERT_EQ(unary.exit_code, 0) << unary.err;
  ASSERT_EQ(stream.exit_code, 0) << stream.err;
  const double score = JsonLines(unary.out)[0]["score"];
  EXPECT_NEAR(JsonLines(stream.out)[0]["score"].get<double>(), score, 1e-5);
  EXPECT_NEAR(JsonLines(tool.out)[0]["score"].get<double>(), score, 1e-5);
}

TEST_F(ServerProgramTest, ResultsBesideThePicturesAreNotInspectedAgain) {
  std::filesystem::create_directories(output_ / "line 2");
  std::filesystem::copy_file(kImages + "/leather/good_0.jpg", output_ / "good.jpg");
  std::filesystem::copy_file(kImages + "/leather/hole_0.jpg", output_ / "line 2" / "hole.jpg");
  for (int i = 0; i < 3; ++i) {
    std::vector<std::string> arguments = {"inspect",    "--server", address_,   "--json", "--samples", "1",
                                          "--category", "leather",  "--output", output_,  output_};
    if (i == 2) arguments.emplace_back("--stream");
    const Finished run = RunProgram("bayespfl-client", arguments);
    ASSERT_EQ(run.exit_code, 0) << run.err;
    std::vector<std::string> inspected;
    for (const nlohmann::json& line : JsonLines(run.out)) inspected.push_back(line["image"]);
    EXPECT_THAT(inspected, UnorderedElementsAre("good.jpg", "line 2/hole.jpg"));
    for (const char* result :
         {"good_overlay.png", "good_mask.png", "line 2/hole_overlay.png", "line 2/hole_mask.png"}) {
      EXPECT_TRUE(std::filesystem::exists(output_ / result)) << result;
    }
  }
}

TEST_F(ServerProgramTest, HealthAndInfoAnswer) {
  EXPECT_EQ(RunProgram("bayespfl-client", {"health", "--server", address_}).exit_code, 0);
  const Finished info = RunProgram("bayespfl-client", {"info", "--server", address_});
  EXPECT_EQ(info.exit_code, 0);
  EXPECT_THAT(info.out, HasSubstr("bayespfl-demo"));
}

// From good pictures to exit codes: the tool calibrates one category, the server takes its file, the client obeys it.
class CalibratedServerTest : public ::testing::Test {
 protected:
  // Two good pictures are enough for a target of 0.4.
  Finished Calibrate(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> arguments = {"calibrate",
                                          "--model",
                                          kDemoModel,
                                          "--category",
                                          "leather",
                                          "--calibration",
                                          file_,
                                          "--samples",
                                          "3",
                                          "--fail-rate",
                                          "0.4",
                                          "--review-rate",
                                          "0.45",
                                          "--json",
                                          kImages + "/leather/good_0.jpg",
                                          kImages + "/carpet/good_0.jpg"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunProgram("bayespfl-model", arguments);
  }

  const testing::TemporaryFolder folder_;
  const std::string file_ = folder_.File("calibration.json");
};

TEST_F(CalibratedServerTest, TheCategorysThresholdsReachTheAnswerAndDecideTheExitCode) {
  const Finished calibrated = Calibrate();
  ASSERT_EQ(calibrated.exit_code, 0) << calibrated.err;
  const nlohmann::json thresholds = nlohmann::json::parse(calibrated.out);
  EXPECT_EQ(thresholds["category"], "leather");
  Background server("bayespfl-server",
                    {"--model", kDemoModel, "--calibration", file_, "--port", "0", "--http-port", "0"});
  const std::string address = server.WaitForLine("bayespfl-server: gRPC listening on ");
  ASSERT_FALSE(server.WaitForLine("bayespfl-server: ready").empty());
  const auto inspect = [&](const std::string& category, const std::string& picture) {
    return RunProgram("bayespfl-client", {"inspect", "--server", address, "--json", "--fail-on", "fail", "--category",
                                          category, kImages + picture});
  };

  const Finished good = inspect("leather", "/leather/good_0.jpg");
  const Finished hole = inspect(" leather", "/leather/hole_0.jpg");
  const Finished wood = inspect("wood", "/wood/good_0.jpg");
  const Finished info = RunProgram("bayespfl-client", {"models", "get", "--server", address});

  EXPECT_EQ(good.exit_code, 0) << good.out << good.err;
  const nlohmann::json line = JsonLines(good.out)[0];
  EXPECT_EQ(line["verdict"], "PASS");
  EXPECT_EQ(line["provenance"]["samples"], 3) << "as the category was calibrated";
  EXPECT_EQ(line["mask_threshold"], thresholds["mask_threshold"]);
  EXPECT_EQ(line["thresholds"]["source"], "category");
  EXPECT_EQ(hole.exit_code, 2) << hole.out;
  EXPECT_EQ(wood.exit_code, 4);
  EXPECT_EQ(JsonLines(wood.out)[0]["verdict"], "NONE");
  EXPECT_THAT(wood.err, HasSubstr("no verdict for the category \"wood\""));
  EXPECT_THAT(info.out, HasSubstr("  leather: mask "));
}

TEST_F(CalibratedServerTest, UndoAndItsMisuseHaveExitCodes) {
  ASSERT_EQ(Calibrate().exit_code, 0);
  const std::vector<std::string> undo = {"calibrate", "--model", kDemoModel, "--calibration", file_, "--undo"};

  EXPECT_NE(Calibrate({"--undo"}).exit_code, 0);
  EXPECT_TRUE(std::filesystem::exists(file_));
  EXPECT_EQ(RunProgram("bayespfl-model", undo).exit_code, 0);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

TEST_F(CalibratedServerTest, AServerWithAnotherModelsCalibrationDoesNotStart) {
  ASSERT_EQ(Calibrate().exit_code, 0);
  std::ifstream stream(file_);
  nlohmann::json calibration = nlohmann::json::parse(stream);
  calibration["computation_digest"] = std::string(64, '0');
  std::ofstream(file_) << calibration;

  const Finished run =
      RunProgram("bayespfl-server", {"--model", kDemoModel, "--calibration", file_, "--port", "0", "--http-port", "0"});

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("calibrate again"));
}

// One precision from the calibration to the replay of what a server answered, and wherever the server tells of itself.
TEST_F(CalibratedServerTest, AServerComputesInThePrecisionThatItsCalibrationWasMadeIn) {
  ASSERT_EQ(Calibrate({"--precision", "bf16"}).exit_code, 0);
  const std::string picture = kImages + "/leather/hole_0.jpg";
  const std::string log = folder_.File("results.jsonl");
  Background server("bayespfl-server",
                    {"--model", kDemoModel, "--calibration", file_, "--precision", "bf16", "--port", "0", "--http-port",
                     "0", "--admin-port", "0", "--result-log", log, "--result-log-fsync", "always"});
  const std::string address = server.WaitForLine("bayespfl-server: gRPC listening on ");
  const std::string http = server.WaitForLine("bayespfl-server: HTTP listening on ");
  const std::string admin = server.WaitForLine("bayespfl-server: administration listening on ");
  ASSERT_FALSE(server.WaitForLine("bayespfl-server: ready").empty());

  const Finished inspect =
      RunProgram("bayespfl-client", {"inspect", "--server", address, "--json", "--category", "leather", picture});
  const Finished models = RunProgram("bayespfl-client", {"models", "list", "--server", address});
  const Finished config = RunProgram("bayespfl-client", {"admin", "config", "--admin", admin});
  const httplib::Result metrics = httplib::Client("http://" + http).Get("/metrics");
  ASSERT_EQ(inspect.exit_code, 0) << inspect.err;
  ASSERT_TRUE(Eventually([&] { return std::filesystem::file_size(log) > 0; }));
  const Finished replay =
      RunProgram("bayespfl-model", {"replay", log, picture, "--model", kDemoModel, "--calibration", file_});

  const nlohmann::json provenance = JsonLines(inspect.out)[0]["provenance"];
  EXPECT_EQ(provenance["precision"], "bf16");
  EXPECT_THAT(provenance["model_version"].get<std::string>(), ::testing::EndsWith("+bf16"));
  EXPECT_THAT(models.out, HasSubstr("+bf16"));
  ASSERT_TRUE(metrics);
  EXPECT_THAT(metrics->body, ContainsRegex("bayespfl_model_info\\{[^\n]*[+]bf16\""));
  EXPECT_THAT(config.out, HasSubstr("\nprecision: bf16  # flag"));
  EXPECT_EQ(replay.exit_code, 0) << replay.out << replay.err;
  EXPECT_THAT(replay.out, ::testing::Not(HasSubstr("precision")));
}

TEST_F(CalibratedServerTest, AServerInAnotherPrecisionThanItsCalibrationDoesNotStart) {
  const Finished run =
      RunProgram("bayespfl-server", {"--model", kDemoModel, "--precision", "bf16", "--port", "0", "--http-port", "0"});

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("made in fp32, and the package is computed in bf16"));
}

TEST(ServerProgramConfigTest, APrecisionThatThereIsNotIsAMistakeOfTheConfiguration) {
  const Finished run = RunProgram("bayespfl-server", {"--check-config", "--model", kDemoModel, "--precision", "fp8"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_THAT(run.err, HasSubstr("precision"));
}

TEST(ServerProgramErrorTest, AMissingModelEndsTheServerWithOneSentence) {
  const Finished run = RunProgram("bayespfl-server", {"--model", "nowhere", "--port", "0", "--http-port", "0"});
  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("nowhere is not a folder"));
}

TEST(ServerProgramConfigTest, CheckConfigEndsWith0AndOpensNoPort) {
  Background server("bayespfl-server", {"--model", kDemoModel, "--port", "0", "--http-port", "0"});
  const std::string address = server.WaitForLine("bayespfl-server: gRPC listening on ");
  const std::string taken = address.substr(address.rfind(':') + 1);

  const Finished run = RunProgram("bayespfl-server", {"--check-config", "--model", kDemoModel, "--port", taken});

  EXPECT_EQ(run.exit_code, 0) << run.err;
  EXPECT_THAT(run.out, HasSubstr("is valid"));
}

TEST(ServerProgramConfigTest, CheckConfigEndsWith1AndNamesTheMistake) {
  const Finished run = RunProgram("bayespfl-server", {"--check-config", "--model", kDemoModel, "--max-bach", "3"});

  EXPECT_EQ(run.exit_code, 1);
  EXPECT_EQ(run.out, "");
  EXPECT_THAT(run.err, HasSubstr("did you mean '--max-batch'?"));
}

// A gate that compares with "not a number" lets every defect pass.
TEST(ClientProgramErrorTest, ANumberThatIsNoneEndsTheClientBeforeItConnects) {
  for (const char* option : {"--fail-above", "--mask-threshold", "--timeout"}) {
    for (const char* value : {"nan", "inf", "-1", "0x"}) {
      const Finished run = RunProgram("bayespfl-client", {"inspect", "--server", "127.0.0.1:1", "--category", "wood",
                                                          option, value, kImages + "/wood/good_0.jpg"});

      EXPECT_EQ(run.exit_code, 1) << option << " " << value;
      EXPECT_THAT(run.err, HasSubstr(absl::StrCat("'", value, "' is no number from ")));
    }
  }
}

TEST(ClientProgramErrorTest, AnUnreachableServerGivesExitCode3) {
  const Finished run = RunProgram("bayespfl-client", {"health", "--server", "127.0.0.1:1", "--timeout", "2"});
  EXPECT_EQ(run.exit_code, 3);
  EXPECT_THAT(run.err, HasSubstr("127.0.0.1:1"));
}

}  // namespace
}  // namespace bayespfl
