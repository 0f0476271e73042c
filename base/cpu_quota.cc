#include "base/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>

#include "base/control_group.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

std::optional<double> Quota(double microseconds, double period) {
  if (microseconds <= 0 || period <= 0) return std::nullopt;
  return microseconds / period;
}

// "max 100000" or "150000 100000"
std::optional<double> ReadV2(const fs::path& group) {
  std::ifstream file(group / "cpu.max");
  double quota = 0;
  double period = 0;
  return file >> quota >> period ? Quota(quota, period) : std::nullopt;
}

std::optional<double> ReadV1(const fs::path& group) {
  std::ifstream quota_file(group / "cpu.cfs_quota_us");
  std::ifstream period_file(group / "cpu.cfs_period_us");
  double quota = 0;
  double period = 0;
  return quota_file >> quota && period_file >> period ? Quota(quota, period) : std::nullopt;
}

}  // namespace

std::optional<double> CgroupCpuQuota(const fs::path& root) { return SmallestGroupLimit(root, "cpu", ReadV2, ReadV1); }

int AvailableCpus() {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const std::optional<double> quota = CgroupCpuQuota()) {
    cpus = std::min(cpus, static_cast<int>(std::ceil(*quota)));
  }
  return std::max(1, cpus);
}

}  // namespace bayespfl
