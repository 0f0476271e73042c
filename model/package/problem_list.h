// A list of problems that is to be read by people.
#ifndef BAYESPFL_MODEL_PACKAGE_PROBLEM_LIST_H_
#define BAYESPFL_MODEL_PACKAGE_PROBLEM_LIST_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace bayespfl {

// The first `limit` problems, and when there are more, a line that says how many: a file of strangers may hold as many
// as it likes.
inline std::vector<std::string> FirstProblems(std::vector<std::string> problems, size_t limit) {
  const size_t count = problems.size();
  if (count <= limit) return problems;
  problems.resize(limit);
  problems.push_back(absl::StrCat("... and ", count - limit, " more"));
  return problems;
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_PROBLEM_LIST_H_
