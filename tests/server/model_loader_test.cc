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

using ::testing::HasSubstr;

// Loads the demo package on the CPU of a machine that has this much memory left.
absl::StatusOr<Replicas> LoadWith(int64_t available_kilobytes) {
  const testing::TemporaryFolder root;
  std::filesystem::create_directories(root.path() + "/proc");
  root.Write("proc/meminfo", absl::StrCat("MemAvailable: ", available_kilobytes, " kB\n"));
  ServerConfig config;
  config.device = "cpu";
  return LoaderOf(config, root.path())(testing::kDemoModel);
}

TEST(ModelLoaderTest, DoesNotLoadWhatDoesNotFitIntoTheMemoryThatIsLeft) {
  const absl::StatusOr<Replicas> loaded = LoadWith(1024);

  EXPECT_TRUE(absl::IsResourceExhausted(loaded.status())) << loaded.status();
  EXPECT_THAT(std::string(loaded.status().message()), HasSubstr("MiB of memory for 1 copy of its weights; 1 MiB are"));
}

TEST(ModelLoaderTest, LoadsWhatFits) {
  const absl::StatusOr<Replicas> loaded = LoadWith(8 << 20);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->size(), 1U);
}

}  // namespace
}  // namespace bayespfl::server
