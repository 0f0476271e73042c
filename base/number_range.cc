#include "base/number_range.h"

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {

std::string CheckNumber(const std::string& text, double lowest, double highest) {
  double number = 0;
  // NaN is in no range.
  if (absl::SimpleAtod(text, &number) && number >= lowest && number <= highest) return "";
  return absl::StrCat("'", text, "' is no number from ", lowest, " to ", highest);
}

}  // namespace bayespfl
