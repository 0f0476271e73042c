#include "model/verdict/result_id.h"

#include <algorithm>

#include "absl/random/random.h"
#include "absl/strings/str_format.h"

namespace bayespfl {

std::string ResultId(absl::Time now, uint64_t random) {
  const int64_t nanoseconds = std::max<int64_t>(0, absl::ToUnixNanos(now));
  constexpr int64_t kPerMillisecond = 1'000'000;
  const auto milliseconds = static_cast<uint64_t>(nanoseconds / kPerMillisecond) & 0xFFFF'FFFF'FFFFU;
  const auto rest = static_cast<uint64_t>(nanoseconds % kPerMillisecond) * 4096 / kPerMillisecond;
  constexpr uint64_t kVersion = 0x7000;
  constexpr uint64_t kVariant = uint64_t{0b10} << 62U;
  const uint64_t low = kVariant | (random & ~(uint64_t{0b11} << 62U));
  return absl::StrFormat("%08x-%04x-%04x-%04x-%012x", milliseconds >> 16U, milliseconds & 0xFFFFU, kVersion | rest,
                         low >> 48U, low & 0xFFFF'FFFF'FFFFU);
}

std::string NewResultId(absl::Time now) {
  thread_local absl::BitGen generator;  // seeded from the operating system
  return ResultId(now, absl::Uniform<uint64_t>(generator));
}

}  // namespace bayespfl
