#include "model/network/philox.h"

#include <cmath>
#include <numbers>

namespace bayespfl {
namespace {

constexpr uint32_t kMultiplier0 = 0xD2511F53;
constexpr uint32_t kMultiplier1 = 0xCD9E8D57;
constexpr uint32_t kWeyl0 = 0x9E3779B9;  // golden ratio
constexpr uint32_t kWeyl1 = 0xBB67AE85;  // sqrt(3) - 1
constexpr int kRounds = 10;

}  // namespace

std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t product0 = uint64_t{kMultiplier0} * counter[0];
    const uint64_t product1 = uint64_t{kMultiplier1} * counter[2];
    counter = {static_cast<uint32_t>(product1 >> 32) ^ counter[1] ^ key[0], static_cast<uint32_t>(product1),
               static_cast<uint32_t>(product0 >> 32) ^ counter[3] ^ key[1], static_cast<uint32_t>(product0)};
    key = {key[0] + kWeyl0, key[1] + kWeyl1};
  }
  return counter;
}

void FillNormal(uint64_t seed, NoiseStream stream, uint32_t sample, absl::Span<float> out) {
  constexpr double kScale = 1.0 / 4294967296.0;  // 2^-32
  const std::array<uint32_t, 2> key = {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)};
  for (size_t begin = 0; begin < out.size(); begin += 4) {
    const std::array<uint32_t, 4> bits =
        Philox4x32({static_cast<uint32_t>(begin / 4), sample, static_cast<uint32_t>(stream), 0}, key);
    std::array<double, 4> normal = {};
    for (size_t pair = 0; pair < 4; pair += 2) {
      // (0, 1], so that the logarithm is finite.
      const double radius = std::sqrt(-2.0 * std::log((static_cast<double>(bits[pair]) + 1.0) * kScale));
      const double angle = 2.0 * std::numbers::pi * static_cast<double>(bits[pair + 1]) * kScale;
      normal[pair] = radius * std::cos(angle);
      normal[pair + 1] = radius * std::sin(angle);
    }
    for (size_t i = 0; i < 4 && begin + i < out.size(); ++i) out[begin + i] = static_cast<float>(normal[i]);
  }
}

}  // namespace bayespfl
