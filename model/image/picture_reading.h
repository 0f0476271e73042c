// A picture file as its sender means it: what the file does not say of itself, and what is a matter of choice.
#ifndef BAYESPFL_MODEL_IMAGE_PICTURE_READING_H_
#define BAYESPFL_MODEL_IMAGE_PICTURE_READING_H_

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/image/decode.h"
#include "model/image/image.h"

namespace bayespfl {

// Pictures that are compared with one another need the same reading: with another one the same part looks otherwise.
struct PictureReading {
  std::optional<int> significant_bits = std::nullopt;  // of 16-bit samples, 9..16; absent: they fill all 16
  bool apply_orientation = false;                      // turn the picture upright as its EXIF data says

  bool operator==(const PictureReading&) const = default;
};

// DecodeImage(), and TurnUpright() where that is wanted. Errors as DecodeImage(). Thread-safe.
absl::StatusOr<RgbImage> ReadPicture(absl::Span<const uint8_t> encoded, const PictureReading& reading,
                                     const ImageLimits& limits = {});

// Whether a picture stands otherwise than those it is compared with: its EXIF data turns it, and was applied where
// theirs was not or the other way round. `applied`: to it; `expected`: to them, absent where there are none.
// Thread-safe.
bool StandsOtherwise(absl::Span<const uint8_t> encoded, bool applied, std::optional<bool> expected);

// What people are told of a picture of a calibrated category that StandsOtherwise().
absl::string_view OtherOrientationMessage(bool applied);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_PICTURE_READING_H_
