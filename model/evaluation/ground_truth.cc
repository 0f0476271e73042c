#include "model/evaluation/ground_truth.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/image/decode.h"
#include "model/image/orientation.h"
#include "model/image/resample.h"

namespace bayespfl {
namespace {

constexpr size_t kMaxFileBytes = size_t{256} << 20;

// Reports carry these messages: they name the file as the data set does, not where it lies on this machine.
absl::StatusOr<std::string> ReadNamed(const std::filesystem::path& root, const std::string& name,
                                      absl::string_view what) {
  absl::StatusOr<std::string> bytes = ReadFile(root / name, kMaxFileBytes);
  if (bytes.ok()) return bytes;
  const absl::string_view why = absl::IsNotFound(bytes.status())          ? "is missing"
                                : absl::IsInvalidArgument(bytes.status()) ? "is empty, too large or a folder"
                                                                          : "cannot be read";
  return absl::Status(bytes.status().code(), absl::StrCat("the ", what, " ", name, " ", why));
}

absl::Span<const uint8_t> Bytes(absl::string_view text) {
  return absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

constexpr ImageLimits kLimits{.max_bytes = static_cast<int64_t>(kMaxFileBytes)};

absl::StatusOr<LabelMask> DecodeNamedMask(const std::string& bytes, const PictureReading& reading) {
  const Orientation orientation = reading.apply_orientation ? ExifOrientation(Bytes(bytes)) : Orientation::kUpright;
  absl::StatusOr<LabelMask> mask = DecodeMask(Bytes(bytes), kLimits, orientation);
  if (!mask.ok()) return absl::InvalidArgumentError(absl::StrCat("the mask: ", mask.status().message()));
  return mask;
}

// What to do about a mask whose sides are the picture's the other way round; empty: a turn does not explain it.
absl::string_view TurnAdvice(const ItemFiles& files, const LabelMask& mask, const RgbImage& picture,
                             const PictureReading& reading) {
  const bool swapped = mask.width == picture.height && mask.height == picture.width;
  const bool turns = ExifOrientation(Bytes(files.picture)) >= Orientation::kTranspose;
  if (!swapped || !turns) return "";
  return reading.apply_orientation
             ? "; the picture was turned upright as its EXIF data says, its mask lies as the picture is stored"
             : "; upright, as its EXIF data says, the picture has the mask's sides (--apply-orientation)";
}

}  // namespace

std::string ItemFiles::Digest() const {
  Sha256 digest;
  digest.AddFile("picture", picture.data(), picture.size());
  for (const std::string& mask : masks) digest.AddFile("mask", mask.data(), mask.size());
  return digest.HexDigest();
}

std::vector<std::string> ItemFiles::FileDigests() const {
  std::vector<std::string> digests = {Sha256Hex(picture)};
  for (const std::string& mask : masks) digests.push_back(Sha256Hex(mask));
  return digests;
}

absl::StatusOr<ItemFiles> ReadItem(const Dataset& dataset, const DatasetItem& item) {
  absl::StatusOr<std::string> picture = ReadNamed(dataset.root, item.image, "picture");
  if (!picture.ok()) return picture.status();
  ItemFiles files{.picture = *std::move(picture)};
  if (!item.anomalous || dataset.image_only) return files;
  if (item.masks.empty()) return absl::InvalidArgumentError("an anomalous picture without a mask");
  for (const std::string& name : item.masks) {
    absl::StatusOr<std::string> mask = ReadNamed(dataset.root, name, "mask");
    if (!mask.ok()) return mask.status();
    files.masks.push_back(*std::move(mask));
  }
  return files;
}

absl::StatusOr<RgbImage> DecodeBytes(absl::string_view bytes, const PictureReading& reading) {
  return ReadPicture(Bytes(bytes), reading, kLimits);
}

absl::Status CheckMasks(const ItemFiles& files, const RgbImage& picture, const PictureReading& reading) {
  for (const std::string& bytes : files.masks) {
    const absl::StatusOr<LabelMask> mask = DecodeNamedMask(bytes, reading);
    if (!mask.ok()) return mask.status();
    if (mask->width != picture.width || mask->height != picture.height) {
      return absl::InvalidArgumentError(absl::StrCat("the mask is ", mask->width, "x", mask->height,
                                                     " pixels, its picture ", picture.width, "x", picture.height,
                                                     TurnAdvice(files, *mask, picture, reading)));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<LabelMask>> JoinMasks(const ItemFiles& files, const PictureReading& reading) {
  std::optional<LabelMask> joined;
  for (const std::string& bytes : files.masks) {
    absl::StatusOr<LabelMask> mask = DecodeNamedMask(bytes, reading);
    if (!mask.ok()) return mask.status();
    if (!joined.has_value()) {
      joined = *std::move(mask);
      continue;
    }
    if (mask->width != joined->width || mask->height != joined->height) {
      return absl::InvalidArgumentError(absl::StrCat("one mask is ", mask->width, "x", mask->height,
                                                     " pixels, another one ", joined->width, "x", joined->height));
    }
    for (size_t i = 0; i < joined->marked.size(); ++i) joined->marked[i] |= mask->marked[i];
  }
  return joined;
}

absl::string_view GroundTruth::Remark() const {
  if (marked_pixels == 0) return "its mask marks no pixel";
  const bool vanished = std::all_of(values.begin(), values.end(), [](uint8_t value) { return value == 0; });
  return vanished ? "what its mask marks is too small for the model's map" : "";
}

std::vector<uint8_t> PrepareMask(const LabelMask& mask, int side) {
  std::vector<uint8_t> binary(mask.marked.size());
  for (size_t i = 0; i < binary.size(); ++i) binary[i] = mask.marked[i] != 0 ? 255 : 0;
  std::vector<uint8_t> resized =
      Resample8(binary, mask.width, mask.height, /*channels=*/1, side, side, ResampleFilter::kBilinear);
  for (uint8_t& value : resized) value = value > 127 ? 1 : 0;  // v / 255 > 0.5
  return resized;
}

absl::StatusOr<GroundTruth> ItemGroundTruth(const ItemFiles& files, int side, const PictureReading& reading) {
  const absl::StatusOr<std::optional<LabelMask>> mask = JoinMasks(files, reading);
  if (!mask.ok()) return mask.status();
  if (!mask->has_value()) {
    return GroundTruth{.values =
                           std::vector<uint8_t>(static_cast<size_t>(side) * static_cast<size_t>(side), uint8_t{0})};
  }
  const std::vector<uint8_t>& marked = (*mask)->marked;
  return GroundTruth{.values = PrepareMask(**mask, side),
                     .marked_pixels = std::count(marked.begin(), marked.end(), uint8_t{1})};
}

}  // namespace bayespfl
