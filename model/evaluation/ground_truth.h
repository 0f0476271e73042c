// The files of one test picture, and its ground-truth mask as the reference's loader prepares it.
#ifndef BAYESPFL_MODEL_EVALUATION_GROUND_TRUTH_H_
#define BAYESPFL_MODEL_EVALUATION_GROUND_TRUTH_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/dataset.h"
#include "model/image/image.h"
#include "model/image/mask.h"
#include "model/image/picture_reading.h"

namespace bayespfl {

// Bytes of the files that belong to one picture.
struct ItemFiles {
  std::string picture = {};
  std::vector<std::string> masks = {};  // empty: the picture needs none

  // SHA-256 over all of them, hexadecimal: changes when one does.
  [[nodiscard]] std::string Digest() const;
  // SHA-256 of each, hexadecimal, as sha256sum says it: the picture's, then the masks'.
  [[nodiscard]] std::vector<std::string> FileDigests() const;
};

// Reads them. An error, with the file as the data set names it, when one cannot be read or when an anomalous picture of
// a data set with masks names none.
absl::StatusOr<ItemFiles> ReadItem(const Dataset& dataset, const DatasetItem& item);

// Reads a picture (see model/image/picture_reading.h).
absl::StatusOr<RgbImage> DecodeBytes(absl::string_view bytes, const PictureReading& reading = {});

// How pictures are read is how their masks are, but that labels have no significant bits: where pictures are turned
// upright, so is a mask by its own EXIF data, not by its picture's. A mask without any is taken to lie as the upright
// picture does.

// Checks that every mask can be read and is as large as the picture, which was read as `reading` says; nothing to check
// for files without a mask. InvalidArgument with both sizes, and with what to do where a quarter turn is between them.
absl::Status CheckMasks(const ItemFiles& files, const RgbImage& picture, const PictureReading& reading = {});

// The masks of an item's files in one, in their own size: a pixel is marked where one of them marks it. Absent: the
// files hold none. InvalidArgument: a mask that cannot be read, or masks of different sizes.
absl::StatusOr<std::optional<LabelMask>> JoinMasks(const ItemFiles& files, const PictureReading& reading = {});

// What the masks of a picture say together: a pixel is anomalous where one of them marks it.
struct GroundTruth {
  // [side, side], row-major: 1 where the picture is anomalous, else 0.
  std::vector<uint8_t> values = {};
  int64_t marked_pixels = 0;  // of the files, in their own size

  // What people should know of the masks of a defective picture; empty: nothing.
  [[nodiscard]] absl::string_view Remark() const;
};

// A mask at model size, in the reference's order: marked -> 255, bilinear to side x side, / 255, > 0.5. Requires a
// non-empty mask.
std::vector<uint8_t> PrepareMask(const LabelMask& mask, int side);

// The ground truth of an item's files; all zero when they hold no mask. InvalidArgument: a mask that cannot be read, or
// masks of different sizes.
absl::StatusOr<GroundTruth> ItemGroundTruth(const ItemFiles& files, int side, const PictureReading& reading = {});

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_GROUND_TRUTH_H_
