#include "model/evaluation/ground_truth.h"

#include <cstddef>
#include <filesystem>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/image/decode.h"
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

// Pillow's "L" of an RGB pixel: ITU-R 601-2 in 16-bit fixed point; equal channels stay as they are.
uint32_t Gray(const uint8_t* rgb) { return (19595U * rgb[0] + 38470U * rgb[1] + 7471U * rgb[2] + 0x8000U) >> 16U; }

}  // namespace

std::string ItemFiles::Digest() const {
  Sha256 digest;
  digest.AddFile("picture", picture.data(), picture.size());
  digest.AddFile("mask", mask.data(), mask.size());
  return digest.HexDigest();
}

absl::StatusOr<ItemFiles> ReadItem(const Dataset& dataset, const DatasetItem& item) {
  absl::StatusOr<std::string> picture = ReadNamed(dataset.root, item.image, "picture");
  if (!picture.ok()) return picture.status();
  ItemFiles files{.picture = *std::move(picture), .mask = {}};
  if (!item.anomalous || dataset.image_only) return files;
  if (item.mask.empty()) return absl::InvalidArgumentError("an anomalous picture without a mask");
  absl::StatusOr<std::string> mask = ReadNamed(dataset.root, item.mask, "mask");
  if (!mask.ok()) return mask.status();
  files.mask = *std::move(mask);
  return files;
}

absl::StatusOr<RgbImage> DecodeBytes(absl::string_view bytes, std::optional<int> significant_bits) {
  const ImageLimits limits{.max_bytes = static_cast<int64_t>(kMaxFileBytes)};
  return DecodeImage(absl::MakeConstSpan(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), limits,
                     significant_bits);
}

absl::Status CheckMask(const ItemFiles& files, const RgbImage& picture) {
  if (files.mask.empty()) return absl::OkStatus();
  const absl::StatusOr<RgbImage> mask = DecodeBytes(files.mask);
  if (!mask.ok()) return absl::InvalidArgumentError(absl::StrCat("the mask: ", mask.status().message()));
  if (mask->width != picture.width || mask->height != picture.height) {
    return absl::InvalidArgumentError(absl::StrCat("the mask is ", mask->width, "x", mask->height,
                                                   " pixels, its picture ", picture.width, "x", picture.height));
  }
  return absl::OkStatus();
}

std::vector<uint8_t> PrepareMask(const RgbImage& mask, int side) {
  std::vector<uint8_t> binary(mask.pixel_count());
  for (size_t i = 0; i < binary.size(); ++i) binary[i] = Gray(&mask.pixels[3 * i]) > 0 ? 255 : 0;
  std::vector<uint8_t> resized =
      Resample8(binary, mask.width, mask.height, /*channels=*/1, side, side, ResampleFilter::kBilinear);
  for (uint8_t& value : resized) value = value > 127 ? 1 : 0;  // v / 255 > 0.5
  return resized;
}

absl::StatusOr<std::vector<uint8_t>> ItemMask(const ItemFiles& files, int side) {
  if (files.mask.empty()) {
    return std::vector<uint8_t>(static_cast<size_t>(side) * static_cast<size_t>(side), uint8_t{0});
  }
  const absl::StatusOr<RgbImage> mask = DecodeBytes(files.mask);
  if (!mask.ok()) return mask.status();
  return PrepareMask(*mask, side);
}

}  // namespace bayespfl
