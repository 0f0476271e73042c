// How many processors this process may use.
#ifndef BAYESPFL_BASE_CPU_QUOTA_H_
#define BAYESPFL_BASE_CPU_QUOTA_H_

#include <filesystem>
#include <optional>

namespace bayespfl {

// The CPU bandwidth that the control groups of this process grant, in processors: 1.5 for "150000 100000". The smallest
// limit on the way from the process's own group to the root counts. Control groups v2 (cpu.max) and v1
// (cpu.cfs_quota_us). nullopt: no limit. `root` stands in for "/" in tests.
std::optional<double> CgroupCpuQuota(const std::filesystem::path& root = "/");

// At least 1: the processors of the affinity mask, or fewer by the quota, rounded up.
int AvailableCpus();

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_CPU_QUOTA_H_
