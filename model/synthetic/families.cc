#include "model/synthetic/families.h"

#include <algorithm>
#include <vector>

namespace bayespfl::synthetic {

absl::Span<const Family> Families() {
  static const auto* const kAll = [] {
    auto* all = new std::vector<Family>(SurfaceFamilies().begin(), SurfaceFamilies().end());
    all->insert(all->end(), ObjectFamilies().begin(), ObjectFamilies().end());
    return all;
  }();
  return *kAll;
}

const Family* FindFamily(absl::string_view name) {
  const absl::Span<const Family> all = Families();
  const auto* const found =
      std::find_if(all.begin(), all.end(), [&](const Family& family) { return family.name == name; });
  return found == all.end() ? nullptr : found;
}

}  // namespace bayespfl::synthetic
