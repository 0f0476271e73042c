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

namespace bayespfl {

// Bytes of the files that belong to one picture.
struct ItemFiles {
  std::string picture;
  std::string mask;  // empty: the picture needs none

  // SHA-256 over both, hexadecimal: changes when either file does.
  [[nodiscard]] std::string Digest() const;
};

// Reads both. An error, with the file as the data set names it, when one cannot be read or when an anomalous picture of
// a data set with masks names none.
absl::StatusOr<ItemFiles> ReadItem(const Dataset& dataset, const DatasetItem& item);

// Decodes a file (see model/image/decode.h).
absl::StatusOr<RgbImage> DecodeBytes(absl::string_view bytes, std::optional<int> significant_bits = std::nullopt);

// Checks that a mask can be read and is as large as its picture; nothing to check for files without a mask.
// InvalidArgument with both sizes.
absl::Status CheckMask(const ItemFiles& files, const RgbImage& picture);

// A mask at model size: 1 where the picture is anomalous, else 0; row-major, side * side values. In the reference's
// order: 8-bit gray as Pillow weighs it, not 0 -> 255, bilinear to side x side, / 255, > 0.5. Requires a non-empty
// mask. 16-bit masks are divided by 257 first (decode.h), so that values below 129 count as 0.
std::vector<uint8_t> PrepareMask(const RgbImage& mask, int side);

// The prepared mask of an item's files; all zero when they hold no mask.
absl::StatusOr<std::vector<uint8_t>> ItemMask(const ItemFiles& files, int side);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_GROUND_TRUTH_H_
