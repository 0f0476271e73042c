#include "server/runtime/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/detection/device_memory.h"
#include "model/package/precision.h"
#include "tests/support/demo_model.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMebibyte = 1 << 20;

// A root folder with made-up files of the kernel.
class MemoryTest : public ::testing::Test {
 protected:
  void SetUp() override { Write("proc/meminfo", "MemTotal:  4096 kB\nMemFree: 100 kB\nMemAvailable:    2048 kB\n"); }
  void Write(const std::string& path, const std::string& content) const {
    fs::create_directories((fs::path(root_.path()) / path).parent_path());
    root_.Write(path, content);
  }

  const testing::TemporaryFolder root_;
};

TEST_F(MemoryTest, WithoutControlGroupsTheMachineDecides) { EXPECT_EQ(AvailableMemory(root_.path()), 2 * kMebibyte); }

TEST_F(MemoryTest, Version2LeavesTheLimitLessWhatIsUsedAndCannotBeGivenBack) {
  Write("proc/self/cgroup", "0::/pod\n");
  Write("sys/fs/cgroup/pod/memory.max", "1000000\n");
  Write("sys/fs/cgroup/pod/memory.current", "700000\n");
  Write("sys/fs/cgroup/pod/memory.stat", "anon 500000\ninactive_file 200000\n");

  EXPECT_EQ(AvailableMemory(root_.path()), 500000);
}

TEST_F(MemoryTest, Version2WithoutALimitLeavesTheMachine) {
  Write("proc/self/cgroup", "0::/pod\n");
  Write("sys/fs/cgroup/pod/memory.max", "max\n");
  Write("sys/fs/cgroup/pod/memory.current", "700000\n");

  EXPECT_EQ(AvailableMemory(root_.path()), 2 * kMebibyte);
}

TEST_F(MemoryTest, Version1CountsToo) {
  Write("proc/self/cgroup", "5:memory:/docker\n");
  Write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "1000000\n");
  Write("sys/fs/cgroup/memory/docker/memory.usage_in_bytes", "900000\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");

  EXPECT_EQ(AvailableMemory(root_.path()), 100000);
}

class PackageMemoryTest : public ::testing::Test {
 protected:
  // The demo package on these devices: the CPU with `available` bytes free, GPUs with `on_gpu` each.
  absl::Status Check(const std::vector<std::string>& devices, int64_t available, int64_t on_gpu = 0) const {
    return CheckMemory(package_, Precision::kFp32, devices, available,
                       [&](const std::string& device) -> absl::StatusOr<std::optional<int64_t>> {
                         if (device == "cuda:9") return absl::FailedPreconditionError("device cuda:9 does not exist");
                         if (absl::StartsWith(device, "cuda")) return on_gpu;
                         return std::nullopt;
                       });
  }

  const std::string package_ = testing::kDemoModel;
  const int64_t needed_ = MemoryOfPackage(package_, Precision::kFp32);
};

TEST_F(PackageMemoryTest, APackageThatDoesNotFitIsRefusedWithBothNumbers) {
  EXPECT_GT(needed_, 10 * kMebibyte);
  EXPECT_TRUE(Check({"cpu", "auto"}, 2 * needed_).ok());

  const absl::Status refused = Check({"cpu", "auto"}, 2 * needed_ - 1);

  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("MiB of memory for 2 copies of its weights; "));
}

TEST_F(PackageMemoryTest, AGpuNeedsTheMemoryOfItsOwnCopies) {
  EXPECT_TRUE(Check({"cuda:0", "cuda:1"}, 0, needed_).ok());

  const absl::Status refused = Check({"cuda:0", "cuda:1", "cuda:1"}, 0, needed_);

  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("MiB of cuda:1 for 2 copies of its weights; "));
}

TEST_F(PackageMemoryTest, AGpuAndTheCpuAreCheckedEachByItself) {
  EXPECT_TRUE(Check({"cuda:0", "cpu"}, needed_, needed_).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(Check({"cuda:0", "cpu"}, needed_ - 1, needed_)));
  EXPECT_TRUE(absl::IsResourceExhausted(Check({"cuda:0", "cpu"}, needed_, needed_ - 1)));
}

// The demo package says no precision, which is fp32.
TEST_F(PackageMemoryTest, SmallerNumbersNeedLess) {
  EXPECT_EQ(MemoryOfPackage(package_, std::nullopt), needed_);
  EXPECT_LT(MemoryOfPackage(package_, Precision::kBf16), needed_);
  EXPECT_TRUE(CheckMemory(package_, Precision::kBf16, {"cpu"}, needed_ - 1, FreeDeviceMemory).ok());
}

TEST_F(PackageMemoryTest, ThePrecisionIsThePackagesUnlessSomebodySaysAnother) {
  const testing::TemporaryFolder folder;
  const std::string narrow = folder.File("model");
  testing::CopyDemoModel(narrow);
  const std::string config = folder.Read("model/config.json");
  folder.Write("model/config.json", absl::StrCat("{\"precision\": \"bf16\",", config.substr(config.find('{') + 1)));

  EXPECT_EQ(MemoryOfPackage(narrow, std::nullopt), MemoryOfPackage(package_, Precision::kBf16));
  EXPECT_EQ(MemoryOfPackage(narrow, Precision::kFp32), needed_);
}

TEST_F(PackageMemoryTest, ADeviceThatCannotBeAskedIsAnError) {
  EXPECT_TRUE(absl::IsFailedPrecondition(Check({"cpu", "cuda:9"}, needed_, needed_)));
}

TEST_F(PackageMemoryTest, WhatCannotBeReadIsLeftToWhoeverLoadsIt) {
  EXPECT_EQ(MemoryOfPackage("nowhere", std::nullopt), 0);
  EXPECT_TRUE(CheckMemory("nowhere", std::nullopt, {"cpu"}, 0, FreeDeviceMemory).ok());
}

TEST(FreeDeviceMemoryTest, TheCpuHasNoneOfItsOwn) {
  ASSERT_TRUE(FreeDeviceMemory("cpu").ok());
  EXPECT_EQ(*FreeDeviceMemory("cpu"), std::nullopt);
  EXPECT_TRUE(absl::IsInvalidArgument(FreeDeviceMemory("tpu").status()));
}

}  // namespace
}  // namespace bayespfl::server
