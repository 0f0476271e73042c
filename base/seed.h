// Seeds as people type them.
#ifndef BAYESPFL_BASE_SEED_H_
#define BAYESPFL_BASE_SEED_H_

#include <string>

namespace bayespfl {

// "" for a decimal number from 0 to 2^64 - 1, else what is wrong with it: a check for CLI11, whose own conversion takes
// -1 for 2^64 - 1 and everything beyond for the largest number. Thread-safe.
std::string CheckSeed(const std::string& text);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_SEED_H_
