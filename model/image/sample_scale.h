// Reduction of 9- to 16-bit samples to 8 bits.
#ifndef BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_
#define BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_

#include <cstdint>

namespace bayespfl::image_internal {

// Maps 0 .. 2^bits - 1 linearly to 0..255: round(255 v / (2^bits - 1)). For 16 bits that is round(v / 257).
// Labels() maps 0 to 0 and everything else to 255.
class SampleScale {
 public:
  // `bits` in 1..16.
  explicit constexpr SampleScale(int bits) : max_((uint32_t{1} << bits) - 1) {}

  // For samples that are labels (model/image/mask.h): where there is a palette, its index is the sample.
  static constexpr SampleScale Labels() {
    SampleScale scale(1);  // 1 is white already
    scale.labels_ = true;
    return scale;
  }
  [[nodiscard]] constexpr bool labels() const { return labels_; }

  // Larger values saturate: a sensor that leaves its upper bits set is still only "white". There are no ties to
  // break, since 2^bits - 1 is odd.
  [[nodiscard]] constexpr uint8_t operator()(uint32_t value) const {
    return value >= max_ ? uint8_t{255} : static_cast<uint8_t>((255 * value + max_ / 2) / max_);
  }

 private:
  uint32_t max_;
  bool labels_ = false;
};

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_SAMPLE_SCALE_H_
