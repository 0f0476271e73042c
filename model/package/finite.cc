#include "model/package/finite.h"

#include <cstddef>
#include <cstring>

namespace bayespfl {
namespace {

// An IEEE number is infinite or NaN exactly when all its exponent bits are set.
template <typename Bits>
bool NoFullExponent(absl::Span<const uint8_t> bytes, Bits exponent) {
  bool full = false;
  for (size_t i = 0; i + sizeof(Bits) <= bytes.size(); i += sizeof(Bits)) {
    Bits element = 0;
    std::memcpy(&element, bytes.data() + i, sizeof(Bits));
    full |= (element & exponent) == exponent;
  }
  return !full;
}

}  // namespace

bool AllFinite(DType dtype, absl::Span<const uint8_t> bytes) {
  switch (dtype) {
    case DType::kF64:
      return NoFullExponent<uint64_t>(bytes, 0x7FF0'0000'0000'0000);
    case DType::kF32:
      return NoFullExponent<uint32_t>(bytes, 0x7F80'0000);
    case DType::kF16:
      return NoFullExponent<uint16_t>(bytes, 0x7C00);
    case DType::kBF16:
      return NoFullExponent<uint16_t>(bytes, 0x7F80);
    default:
      return true;
  }
}

}  // namespace bayespfl
