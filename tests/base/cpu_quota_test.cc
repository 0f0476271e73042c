#include "base/cpu_quota.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

// A root folder with made-up control groups.
class CpuQuotaTest : public ::testing::Test {
 protected:
  void Write(const std::string& path, const std::string& content) const { folder_.Write(path, content); }

  const testing::TemporaryFolder folder_;
  const std::filesystem::path root_ = folder_.path();
};

TEST_F(CpuQuotaTest, ReadsVersion2) {
  Write("proc/self/cgroup", "0::/kube/pod\n");
  Write("sys/fs/cgroup/kube/pod/cpu.max", "150000 100000\n");

  EXPECT_EQ(CgroupCpuQuota(root_), 1.5);
}

TEST_F(CpuQuotaTest, TheSmallestLimitOnTheWayCounts) {
  Write("proc/self/cgroup", "0::/kube/pod\n");
  Write("sys/fs/cgroup/kube/pod/cpu.max", "400000 100000\n");
  Write("sys/fs/cgroup/kube/cpu.max", "200000 100000\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");

  EXPECT_EQ(CgroupCpuQuota(root_), 2.0);
}

TEST_F(CpuQuotaTest, MaxIsNoLimit) {
  Write("proc/self/cgroup", "0::/\n");
  Write("sys/fs/cgroup/cpu.max", "max 100000\n");

  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuQuotaTest, ReadsVersion1) {
  Write("proc/self/cgroup", "5:memory:/docker/x\n4:cpu,cpuacct:/docker/x\n");
  Write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_quota_us", "50000\n");
  Write("sys/fs/cgroup/cpu,cpuacct/docker/x/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(CgroupCpuQuota(root_), 0.5);
}

TEST_F(CpuQuotaTest, Version1WithoutALimitSaysMinusOne) {
  Write("proc/self/cgroup", "4:cpu,cpuacct:/\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  Write("sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");

  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuQuotaTest, NothingReadableIsNoLimit) {
  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
  Write("proc/self/cgroup", "nonsense\n::\n");
  EXPECT_EQ(CgroupCpuQuota(root_), std::nullopt);
}

TEST_F(CpuQuotaTest, ThereIsAlwaysAProcessor) { EXPECT_GE(AvailableCpus(), 1); }

}  // namespace
}  // namespace bayespfl
