#include "base/seed.h"

#include <charconv>
#include <cstdint>
#include <system_error>

namespace bayespfl {

std::string CheckSeed(const std::string& text) {
  uint64_t seed = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, seed);
  return error == std::errc() && stop == end ? "" : "'" + text + "' is no whole number from 0 to 2^64 - 1";
}

}  // namespace bayespfl
