#include "base/nearest_name.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace bayespfl {
namespace {

std::string Folded(absl::string_view name) { return absl::StrReplaceAll(absl::AsciiStrToLower(name), {{"-", "_"}}); }

size_t ErrorsGranted(absl::string_view known) { return std::max<size_t>(1, known.size() / 3); }

}  // namespace

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // Three rows of the table: distance of a[0, i) from b[0, j), for i - 2, i - 1 and i.
  std::vector<size_t> before(b.size() + 1);
  std::vector<size_t> previous(b.size() + 1);
  std::vector<size_t> current(b.size() + 1);
  std::iota(previous.begin(), previous.end(), size_t{0});
  for (size_t i = 1; i <= a.size(); ++i) {
    current[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t substituted = previous[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      current[j] = std::min({previous[j] + 1, current[j - 1] + 1, substituted});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        current[j] = std::min(current[j], before[j - 2] + 1);
      }
    }
    std::swap(before, previous);
    std::swap(previous, current);
  }
  return previous[b.size()];
}

std::optional<std::string> NearestName(absl::string_view name, const std::vector<std::string>& known) {
  const std::string folded = Folded(name);
  std::optional<std::string> nearest;
  size_t least = 0;
  for (const std::string& candidate : known) {
    const size_t granted = ErrorsGranted(candidate);
    if (folded.size() > candidate.size() + granted)
      continue;  // also keeps a name of any length from costing its square
    const size_t distance = EditDistance(folded, Folded(candidate));
    if (distance > granted || (nearest.has_value() && distance >= least)) continue;
    nearest = candidate;
    least = distance;
  }
  return nearest;
}

std::string DidYouMean(absl::string_view name, const std::vector<std::string>& known, absl::string_view otherwise) {
  const std::optional<std::string> nearest = NearestName(name, known);
  return nearest.has_value() ? absl::StrCat("; did you mean '", *nearest, "'?") : absl::StrCat("; ", otherwise);
}

}  // namespace bayespfl
