#include "model/image/raw_samples.h"

#include "model/image/byte_order.h"

namespace bayespfl::image_internal {
namespace {

void UnpackWords(const uint8_t* row, absl::Span<uint16_t> samples) {
  for (uint16_t& sample : samples) {
    sample = static_cast<uint16_t>(LoadLittle16(row));
    row += 2;
  }
}

// A sample of 10 or 12 bits lies in two neighbouring bytes, wherever it starts: at an even bit of the first, and at the
// latest at bit 6 or 4.
template <int kBits>
void UnpackBitStream(const uint8_t* row, absl::Span<uint16_t> samples) {
  constexpr uint32_t kMask = (uint32_t{1} << kBits) - 1;
  size_t bit = 0;
  for (uint16_t& sample : samples) {
    sample = static_cast<uint16_t>((LoadLittle16(row + bit / 8) >> (bit % 8)) & kMask);
    bit += kBits;
  }
}

template <int kBits>
void UnpackPairs(const uint8_t* row, absl::Span<uint16_t> samples) {
  constexpr int kLow = kBits - 8;
  constexpr uint32_t kMask = (uint32_t{1} << kLow) - 1;
  const size_t pairs = samples.size() / 2;
  for (size_t i = 0; i < pairs; ++i, row += 3) {
    samples[2 * i] = static_cast<uint16_t>((uint32_t{row[0]} << kLow) | (row[1] & kMask));
    samples[2 * i + 1] = static_cast<uint16_t>((uint32_t{row[2]} << kLow) | ((row[1] >> 4U) & kMask));
  }
  if (samples.size() % 2 != 0) samples.back() = static_cast<uint16_t>((uint32_t{row[0]} << kLow) | (row[1] & kMask));
}

}  // namespace

void UnpackSamples(const PixelFormatSpec& spec, const uint8_t* row, absl::Span<uint16_t> samples) {
  switch (spec.layout) {
    case SampleLayout::kBytes:
      break;
    case SampleLayout::kWords:
      return UnpackWords(row, samples);
    case SampleLayout::kBitStream:
      return spec.bits == 10 ? UnpackBitStream<10>(row, samples) : UnpackBitStream<12>(row, samples);
    case SampleLayout::kPairs:
      return spec.bits == 10 ? UnpackPairs<10>(row, samples) : UnpackPairs<12>(row, samples);
  }
}

}  // namespace bayespfl::image_internal
