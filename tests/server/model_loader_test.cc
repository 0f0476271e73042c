// What stands before the model when the server loads one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/runtime/component_options.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

// Loads a package on the CPU of a machine that has this much memory left.
absl::StatusOr<Replicas> LoadWith(int64_t available_kilobytes, const std::string& package = testing::kDemoModel,
                                  ServerConfig config = {}) {
  const testing::TemporaryFolder root;
  std::filesystem::create_directories(root.path() + "/proc");
  root.Write("proc/meminfo", absl::StrCat("MemAvailable: ", available_kilobytes, " kB\n"));
  config.device = "cpu";
  return LoaderOf(config, root.path())(package);
}

constexpr int64_t kPlenty = 8 << 20;

TEST(ModelLoaderTest, DoesNotLoadWhatDoesNotFitIntoTheMemoryThatIsLeft) {
  const absl::StatusOr<Replicas> loaded = LoadWith(1024);

  EXPECT_TRUE(absl::IsResourceExhausted(loaded.status())) << loaded.status();
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("MiB of memory for 1 copy of its weights; 1 MiB are"));
}

TEST(ModelLoaderTest, LoadsWhatFits) {
  const absl::StatusOr<Replicas> loaded = LoadWith(kPlenty);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->size(), 1U);
}

// A copy of the demo package without its calibration, which holds for fp32.
class ModelLoaderPrecisionTest : public ::testing::Test {
 protected:
  void SetUp() override { testing::CopyDemoModel(folder_.File("model")); }

  // What the first replica says of itself.
  ModelInfo Load(const std::string& precision) const {
    ServerConfig config;
    config.precision = precision;
    const absl::StatusOr<Replicas> loaded = LoadWith(kPlenty, folder_.File("model"), config);
    EXPECT_TRUE(loaded.ok()) << loaded.status();
    return loaded.ok() ? loaded->front()->info() : ModelInfo{};
  }
  void Say(const std::string& precision) const {
    folder_.Replace("model/config.json", "{", absl::StrCat("{\"precision\": \"", precision, "\","));
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(ModelLoaderPrecisionTest, ByDefaultThePackageSaysIt) {
  EXPECT_EQ(Load(ServerConfig().precision).precision, "fp32");
  Say("bf16");
  EXPECT_EQ(Load(ServerConfig().precision).precision, "bf16");
}

TEST_F(ModelLoaderPrecisionTest, TheSettingWinsAndTheVersionShowsIt) {
  const ModelInfo bf16 = Load("bf16");
  EXPECT_EQ(bf16.precision, "bf16");
  EXPECT_THAT(bf16.version, EndsWith("+bf16"));
  Say("bf16");
  EXPECT_EQ(Load("fp32").precision, "fp32");
}

TEST_F(ModelLoaderPrecisionTest, ACalibrationOfAnotherPrecisionIsNotServed) {
  ServerConfig config;
  config.precision = "bf16";
  const absl::Status refused = LoadWith(kPlenty, testing::kDemoModel, config).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.message()), HasSubstr("made in fp32, and the package is computed in bf16"));
}

}  // namespace
}  // namespace bayespfl::server
