#include "model/evaluation/picture_seed.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"

namespace bayespfl {

uint64_t PictureSeed(uint64_t seed, absl::string_view picture_bytes) {
  constexpr size_t kDigits = 16;  // of 4 bits
  const std::string digest = Sha256Hex(absl::StrCat(seed, ":", Sha256Hex(picture_bytes)));
  uint64_t result = 0;
  // Cannot fail: these are hexadecimal digits.
  (void)absl::SimpleHexAtoi(digest.substr(0, kDigits), &result);
  return result;
}

}  // namespace bayespfl
