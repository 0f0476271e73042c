#include "server/runtime/cpu_quota.h"

#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {
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

// The smallest quota between the group at `path` below `mount` and the mount itself.
template <typename Read>
std::optional<double> SmallestOnTheWay(const fs::path& mount, const std::string& path, Read read) {
  std::optional<double> smallest;
  fs::path relative = fs::path(path).relative_path();
  for (;;) {
    const std::optional<double> quota = read(mount / relative);
    if (quota && (!smallest || *quota < *smallest)) smallest = quota;
    if (relative.empty()) return smallest;
    relative = relative.parent_path();
  }
}

bool HasController(absl::string_view controllers, absl::string_view wanted) {
  const std::vector<absl::string_view> names = absl::StrSplit(controllers, ',');
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

}  // namespace

std::optional<double> CgroupCpuQuota(const fs::path& root) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  // "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1)
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    std::optional<double> quota;
    if (controllers.empty()) quota = SmallestOnTheWay(mount, path, ReadV2);
    if (HasController(controllers, "cpu")) quota = SmallestOnTheWay(mount / controllers, path, ReadV1);
    if (quota) return quota;
  }
  return std::nullopt;
}

int AvailableCpus() {
  cpu_set_t set;
  int cpus = sched_getaffinity(0, sizeof(set), &set) == 0 ? CPU_COUNT(&set) : 1;
  if (const std::optional<double> quota = CgroupCpuQuota()) {
    cpus = std::min(cpus, static_cast<int>(std::ceil(*quota)));
  }
  return std::max(1, cpus);
}

}  // namespace bayespfl::server
