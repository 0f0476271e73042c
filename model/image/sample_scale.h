// Reduction of samples of up to 16 bits to 8 bits.
#ifndef BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_
#define BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_

#include <algorithm>
#include <cstdint>

namespace bayespfl::image_internal {

// Maps 0 .. 2^bits - 1 linearly to 0..255: round(255 v / (2^bits - 1)). For 16 bits that is round(v / 257).
// Labels() maps 0 to 0 and everything else to 255.
class SampleScale {
 public:
  // `bits` in 1..16. With `fraction_bits`, values are 2^fraction_bits times as large; both together at most 16.
  explicit constexpr SampleScale(int bits, int fraction_bits = 0)
      : max_(((uint32_t{1} << bits) - 1) << fraction_bits), reciprocal_((uint64_t{1} << kShift) / max_ + 1) {}

  // A scale that also notes which bits the values have: they are ORed into `*seen`, which outlives the scale and is
  // used by one thread at a time.
  constexpr SampleScale Noting(uint32_t* seen) const {
    SampleScale scale = *this;
    scale.seen_ = seen;
    return scale;
  }

  // For samples that are labels (model/image/mask.h): where there is a palette, its index is the sample.
  static constexpr SampleScale Labels() {
    SampleScale scale(1);  // 1 is white already
    scale.labels_ = true;
    return scale;
  }
  [[nodiscard]] constexpr bool labels() const { return labels_; }

  // Larger values saturate: a sensor that leaves its upper bits set is still only "white". Halves, which there are only
  // with fraction bits since 2^bits - 1 is odd, are rounded up.
  [[nodiscard]] constexpr uint8_t operator()(uint32_t value) const {
    if (seen_ != nullptr) *seen_ |= value;
    const uint32_t dividend = 255 * std::min(value, max_) + max_ / 2;
    return static_cast<uint8_t>((dividend * reciprocal_) >> kShift);
  }

 private:
  // Multiplying by the reciprocal, rounded up, is the division, and many times as fast: the dividend is below 2^24 and
  // the divisor below 2^16, so that the product is too large by less than 2^40 / divisor.
  static constexpr int kShift = 40;

  uint32_t max_;
  uint64_t reciprocal_;
  uint32_t* seen_ = nullptr;
  bool labels_ = false;
};

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_
