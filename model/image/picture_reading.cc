#include "model/image/picture_reading.h"

#include <utility>

#include "model/image/orientation.h"

namespace bayespfl {

absl::StatusOr<RgbImage> ReadPicture(absl::Span<const uint8_t> encoded, const PictureReading& reading,
                                     const ImageLimits& limits) {
  absl::StatusOr<RgbImage> stored = DecodeImage(encoded, limits, reading.significant_bits);
  if (!stored.ok() || !reading.apply_orientation) return stored;
  return TurnUpright(*std::move(stored), ExifOrientation(encoded));
}

bool StandsOtherwise(absl::Span<const uint8_t> encoded, bool applied, std::optional<bool> expected) {
  return expected.value_or(applied) != applied && ExifOrientation(encoded) != Orientation::kUpright;
}

absl::string_view OtherOrientationMessage(bool applied) {
  return applied
             ? "turned upright as its EXIF data says, which the good pictures that the category was calibrated with "
               "were not: calibrate with --apply-orientation, or inspect without apply_orientation"
             : "its EXIF data says that it does not stand upright; the good pictures that the category was "
               "calibrated with were turned as theirs said: inspect with apply_orientation (--apply-orientation)";
}

}  // namespace bayespfl
