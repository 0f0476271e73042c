// What the control groups of this process allow it, versions 1 and 2. `root` stands in for "/" in tests.
#ifndef BAYESPFL_BASE_CONTROL_GROUP_H_
#define BAYESPFL_BASE_CONTROL_GROUP_H_

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl {

// Reads a limit of one group, given its folder; nullopt: it has none.
using ReadLimit = std::function<std::optional<double>(const std::filesystem::path& group)>;

// The smallest limit on the way from the process's own group to the root. `controller` is the name that version 1 uses
// ("cpu").
std::optional<double> SmallestGroupLimit(const std::filesystem::path& root, absl::string_view controller,
                                         const ReadLimit& read_v2, const ReadLimit& read_v1);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_CONTROL_GROUP_H_
