// "Did you mean ...?"
#ifndef BAYESPFL_BASE_NEAREST_NAME_H_
#define BAYESPFL_BASE_NEAREST_NAME_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace bayespfl {

// The least number of single-byte insertions, deletions, substitutions and swaps of neighbours that turn `a` into `b`,
// no byte being touched twice (optimal string alignment).
size_t EditDistance(absl::string_view a, absl::string_view b);

// The known name with the least edit distance from `name`, the first of several. Case and the difference between '-'
// and '_' do not count. Absent when even that differs in more than a third of its bytes (but one error is always
// granted).
std::optional<std::string> NearestName(absl::string_view name, const std::vector<std::string>& known);

// The end of an error about an unknown name: "; did you mean 'max_batch'?", or "; OTHERWISE" when no name is near.
std::string DidYouMean(absl::string_view name, const std::vector<std::string>& known, absl::string_view otherwise);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_NEAREST_NAME_H_
