#include "base/shortest_decimal.h"

#include <array>
#include <charconv>

namespace bayespfl {

double ShortestDecimal(float value) {
  std::array<char, 32> digits{};
  const std::to_chars_result written = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double shortest = value;
  std::from_chars(digits.data(), written.ptr, shortest);
  return shortest;
}

}  // namespace bayespfl
