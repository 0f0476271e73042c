// The demo package on the CPU, loaded and rebuilt.
#include "server/runtime/load_replicas.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_replace.h"
#include "model/image/image.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/test_device.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

absl::Status Works(const Detector& /*detector*/) { return absl::OkStatus(); }
absl::Status Fits(const std::string& /*device*/) { return absl::OkStatus(); }

// A picture of one colour.
RgbImage Gray() { return {.width = 64, .height = 64, .pixels = std::vector<uint8_t>(3 * 64 * 64, 90)}; }

float ScoreOf(Replica& replica, uint64_t seed) {
  const RgbImage picture = Gray();
  const bayespfl::Frame frame{.image = &picture, .object = "wood", .seed = seed, .samples = 2};
  return replica.detector()->Detect({&frame, 1}).front()->score;
}

class LoadReplicasTest : public ::testing::Test {
 protected:
  // A copy of the demo package that draws the image-agnostic prompts once.
  std::string PackageThatDrawsOnce() const {
    const std::string package = folder_.path() + "/model";
    fs::copy(testing::kDemoModel, package, fs::copy_options::recursive);
    const std::string config = folder_.Read("model/config.json");
    folder_.Write("model/config.json",
                  absl::StrReplaceAll(config, {{"\"iad_sampling\": \"request\"", "\"iad_sampling\": \"first\""}}));
    return package;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(LoadReplicasTest, ARebuiltReplicaDrawsTheImageAgnosticPromptsThatItDrewFirst) {
  const absl::StatusOr<Replicas> replicas =
      LoadReplicas(PackageThatDrawsOnce(), {.ignore_calibration = true}, {testing::TestDevice()}, 1, Fits);
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  Replica& replica = *replicas->front();
  ASSERT_EQ(replica.info().iad_sampling, "first");
  ScoreOf(replica, 11);  // the first frame
  const float before = ScoreOf(replica, 5);

  ASSERT_TRUE(replica.Rebuild(Works).ok());

  EXPECT_EQ(ScoreOf(replica, 5), before);
}

TEST_F(LoadReplicasTest, ARebuiltReplicaComputesInThePrecisionThatItHad) {
  const absl::StatusOr<Replicas> replicas =
      LoadReplicas(testing::kDemoModel, {.ignore_calibration = true, .precision = Precision::kBf16},
                   {testing::TestDevice()}, 1, Fits);
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  Replica& replica = *replicas->front();

  ASSERT_TRUE(replica.Rebuild(Works).ok());

  EXPECT_EQ(replica.detector()->info().precision, "bf16");
}

TEST_F(LoadReplicasTest, ReplicasOfTwoDevicesDrawThemAlike) {
  const absl::StatusOr<Replicas> replicas = LoadReplicas(PackageThatDrawsOnce(), {.ignore_calibration = true},
                                                         {testing::TestDevice(), testing::TestDevice()}, 1, Fits);
  ASSERT_TRUE(replicas.ok()) << replicas.status();
  ScoreOf(*replicas->front(), 11);

  EXPECT_EQ(ScoreOf(*replicas->front(), 5), ScoreOf(*replicas->back(), 5));
}

TEST_F(LoadReplicasTest, WhatDoesNotFitAnyMoreIsNotLoadedAndTheReplicaIsLost) {
  std::vector<std::string> asked;
  const auto fits = [&asked](const std::string& device) {
    asked.push_back(device);
    return absl::ResourceExhaustedError("1 MiB are free");
  };
  const absl::StatusOr<Replicas> replicas = LoadReplicas(testing::kDemoModel, {}, {testing::TestDevice()}, 2, fits);
  ASSERT_TRUE(replicas.ok()) << replicas.status();

  EXPECT_TRUE(absl::IsResourceExhausted(replicas->front()->Rebuild(Works)));

  EXPECT_THAT(asked, ElementsAre(testing::TestDevice()));
  EXPECT_FALSE(replicas->front()->works());
  EXPECT_FALSE(replicas->back()->works()) << "they share the weights";
}

}  // namespace
}  // namespace bayespfl::server
