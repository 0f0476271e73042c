#include "base/control_group.h"

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/strings/str_split.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

// The smallest limit between the group at `path` below `mount` and the mount itself.
std::optional<double> SmallestOnTheWay(const fs::path& mount, const std::string& path, const ReadLimit& read) {
  std::optional<double> smallest;
  fs::path relative = fs::path(path).relative_path();
  for (;;) {
    const std::optional<double> limit = read(mount / relative);
    if (limit && (!smallest || *limit < *smallest)) smallest = limit;
    if (relative.empty()) return smallest;
    relative = relative.parent_path();
  }
}

bool HasController(absl::string_view controllers, absl::string_view wanted) {
  const std::vector<absl::string_view> names = absl::StrSplit(controllers, ',');
  return std::find(names.begin(), names.end(), wanted) != names.end();
}

}  // namespace

std::optional<double> SmallestGroupLimit(const fs::path& root, absl::string_view controller, const ReadLimit& read_v2,
                                         const ReadLimit& read_v1) {
  const fs::path mount = root / "sys/fs/cgroup";
  std::ifstream groups(root / "proc/self/cgroup");
  // "0::/path" (v2) or "4:cpu,cpuacct:/path" (v1)
  for (std::string line; std::getline(groups, line);) {
    const size_t first = line.find(':');
    const size_t second = first == std::string::npos ? first : line.find(':', first + 1);
    if (second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    const std::string path = line.substr(second + 1);
    std::optional<double> limit;
    if (controllers.empty()) limit = SmallestOnTheWay(mount, path, read_v2);
    if (HasController(controllers, controller)) limit = SmallestOnTheWay(mount / controllers, path, read_v1);
    if (limit) return limit;
  }
  return std::nullopt;
}

}  // namespace bayespfl
