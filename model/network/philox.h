// Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
#ifndef BAYESPFL_MODEL_NETWORK_PHILOX_H_
#define BAYESPFL_MODEL_NETWORK_PHILOX_H_

#include <array>
#include <cstdint>

#include "absl/types/span.h"

namespace bayespfl {

// The bijection: 128-bit counter and 64-bit key, least significant word first, to four random words.
std::array<uint32_t, 4> Philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key);

// Which distribution a draw belongs to; part of the counter, so the values must never change.
enum class NoiseStream : uint32_t {
  kContext = 0,
  kNormal = 1,
  kAbnormal = 2,
  kWeights = 3,  // initial weights; the sample is the tensor's number
};

// Fills `out` with standard-normal draws of sample `sample`: element e is a function of (seed, stream, sample, e) alone
// (Box-Muller in double precision, rounded to float). It depends on no other sample, device or batch. Thread-safe.
void FillNormal(uint64_t seed, NoiseStream stream, uint32_t sample, absl::Span<float> out);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PHILOX_H_
