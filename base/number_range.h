// Numbers as people type them.
#ifndef BAYESPFL_BASE_NUMBER_RANGE_H_
#define BAYESPFL_BASE_NUMBER_RANGE_H_

#include <string>

namespace bayespfl {

// "" for a number from `lowest` to `highest`, else what is wrong with it: a check for CLI11, whose own range
// takes "nan" for a number within it. Thread-safe.
std::string CheckNumber(const std::string& text, double lowest, double highest);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_NUMBER_RANGE_H_
