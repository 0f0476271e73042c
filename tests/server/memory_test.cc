#include "server/runtime/memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace bayespfl::server {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

constexpr int64_t kMebibyte = 1 << 20;

// A root folder with made-up files of the kernel.
class MemoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    root_ = fs::path(::testing::TempDir()) /
            (std::string("memory_") + ::testing::UnitTest::GetInstance()->current_test_info()->name());
    fs::remove_all(root_);
    Write("proc/meminfo", "MemTotal:  4096 kB\nMemFree: 100 kB\nMemAvailable:    2048 kB\n");
  }
  void TearDown() override { fs::remove_all(root_); }

  void Write(const std::string& path, const std::string& content) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << content;
  }

  fs::path root_;
};

TEST_F(MemoryTest, WithoutControlGroupsTheMachineDecides) { EXPECT_EQ(AvailableMemory(root_), 2 * kMebibyte); }

TEST_F(MemoryTest, Version2LeavesTheLimitLessWhatIsUsedAndCannotBeGivenBack) {
  Write("proc/self/cgroup", "0::/pod\n");
  Write("sys/fs/cgroup/pod/memory.max", "1000000\n");
  Write("sys/fs/cgroup/pod/memory.current", "700000\n");
  Write("sys/fs/cgroup/pod/memory.stat", "anon 500000\ninactive_file 200000\n");

  EXPECT_EQ(AvailableMemory(root_), 500000);
}

TEST_F(MemoryTest, Version2WithoutALimitLeavesTheMachine) {
  Write("proc/self/cgroup", "0::/pod\n");
  Write("sys/fs/cgroup/pod/memory.max", "max\n");
  Write("sys/fs/cgroup/pod/memory.current", "700000\n");

  EXPECT_EQ(AvailableMemory(root_), 2 * kMebibyte);
}

TEST_F(MemoryTest, Version1CountsToo) {
  Write("proc/self/cgroup", "5:memory:/docker\n");
  Write("sys/fs/cgroup/memory/docker/memory.limit_in_bytes", "1000000\n");
  Write("sys/fs/cgroup/memory/docker/memory.usage_in_bytes", "900000\n");
  Write("sys/fs/cgroup/memory/memory.limit_in_bytes", "9223372036854771712\n");
  Write("sys/fs/cgroup/memory/memory.usage_in_bytes", "900000\n");

  EXPECT_EQ(AvailableMemory(root_), 100000);
}

TEST(PackageMemoryTest, APackageThatDoesNotFitIsRefusedWithBothNumbers) {
  const std::string package = BAYESPFL_ASSETS_DIR "/demo/model";
  const int64_t needed = MemoryOfPackage(package);

  EXPECT_GT(needed, 10 * kMebibyte);
  EXPECT_TRUE(CheckMemory(package, 2, 2 * needed).ok());
  const absl::Status refused = CheckMemory(package, 2, 2 * needed - 1);
  EXPECT_TRUE(absl::IsResourceExhausted(refused));
  EXPECT_THAT(std::string(refused.message()), HasSubstr("MiB for 2 copies of its weights; "));
}

TEST(PackageMemoryTest, CopiesOnGpusTakeNoneOfIt) {
  EXPECT_EQ(CopiesInMemory({"cpu"}), 1);
  EXPECT_EQ(CopiesInMemory({"auto"}), 1);
  EXPECT_EQ(CopiesInMemory({"cuda:0", "cuda:1", "cpu"}), 1);
  EXPECT_EQ(CopiesInMemory({"cuda:0", "cuda:1"}), 0);
}

TEST(PackageMemoryTest, WhatCannotBeReadIsLeftToWhoeverLoadsIt) {
  EXPECT_EQ(MemoryOfPackage("nowhere"), 0);
  EXPECT_TRUE(CheckMemory("nowhere", 1, 0).ok());
}

}  // namespace
}  // namespace bayespfl::server
