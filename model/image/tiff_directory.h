// The first directory of a TIFF: what its tags say, found without trusting any of them. Also EXIF data is one.
#ifndef BAYESPFL_MODEL_IMAGE_TIFF_DIRECTORY_H_
#define BAYESPFL_MODEL_IMAGE_TIFF_DIRECTORY_H_

#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace bayespfl::image_internal {

// The tags that mean something here (TIFF 6.0 and, for the last two, its supplements). All others are skipped.
enum class TiffTag : uint32_t {
  kNewSubfileType = 254,
  kSubfileType = 255,
  kImageWidth = 256,
  kImageLength = 257,
  kBitsPerSample = 258,
  kCompression = 259,
  kPhotometric = 262,
  kFillOrder = 266,
  kStripOffsets = 273,
  kOrientation = 274,
  kSamplesPerPixel = 277,
  kRowsPerStrip = 278,
  kStripByteCounts = 279,
  kPlanarConfiguration = 284,
  kPredictor = 317,
  kColorMap = 320,
  kTileWidth = 322,
  kTileLength = 323,
  kTileOffsets = 324,
  kTileByteCounts = 325,
  kExtraSamples = 338,
  kSampleFormat = 339,
  kJpegTables = 347,
  kXmp = 700,
};

// InvalidArgument: the file is damaged or was cut, or it is whole and of a kind that is not read.
absl::Status DamagedTiff(absl::string_view what);
absl::Status UnsupportedTiff(absl::string_view what);

// A file's bytes with its byte order. Borrows the bytes. Thread-safe.
class TiffBytes {
 public:
  // `data` has at least one byte.
  explicit TiffBytes(absl::Span<const uint8_t> data) : data_(data), big_endian_(data[0] == 'M') {}

  [[nodiscard]] uint64_t size() const { return data_.size(); }
  [[nodiscard]] bool big_endian() const { return big_endian_; }
  [[nodiscard]] bool Has(uint64_t offset, uint64_t count) const {
    return offset <= data_.size() && count <= data_.size() - offset;
  }

  // The caller has asked Has().
  [[nodiscard]] absl::Span<const uint8_t> Range(uint64_t offset, uint64_t count) const {
    return data_.subspan(offset, count);
  }
  [[nodiscard]] uint64_t Load(uint64_t offset, uint32_t width) const;  // width: 1, 2, 4 or 8 bytes

 private:
  absl::Span<const uint8_t> data_;
  bool big_endian_;
};

// The unsigned integer values of a directory's known tags. They stay in the file until asked for, so a directory costs
// no more memory than its few known tags, whatever the file claims. Borrows the bytes. Thread-safe.
class TiffDirectory {
 public:
  // The first directory of a classic TIFF or a BigTIFF. As much is forgiven as the reference's loader forgives without
  // losing a pixel: a file that ends before the place of the next directory, tags that nobody asks for and whose values
  // lie elsewhere, byte counts that are absent. InvalidArgument: no directory, or one that is cut; a known tag whose
  // values lie outside the file.
  static absl::StatusOr<TiffDirectory> Read(const TiffBytes& bytes);

  // How many values a tag has; 0 for one that is absent.
  [[nodiscard]] uint64_t Count(TiffTag tag) const;

  // Value `index` of a tag; `fallback` for a tag that is absent or has fewer values.
  [[nodiscard]] uint64_t Value(TiffTag tag, uint64_t fallback, uint64_t index = 0) const;

  // The bytes of a tag's values as they are stored; empty for one that is absent.
  [[nodiscard]] absl::Span<const uint8_t> Bytes(TiffTag tag) const;

 private:
  struct Entry {
    uint64_t offset;  // of the first value
    uint64_t count;
    uint32_t width;  // bytes per value: 1, 2, 4 or 8
  };

  // Where a kind of TIFF keeps the parts of a directory: widths in bytes.
  struct Form {
    uint32_t offset_width;  // of an offset, and of what a tag's entry may hold instead of one
    uint32_t count_width;   // of the number of entries
  };

  explicit TiffDirectory(const TiffBytes& bytes) : bytes_(bytes) {}
  absl::Status AddEntry(const Form& form, uint64_t at);

  TiffBytes bytes_;
  absl::flat_hash_map<TiffTag, Entry> entries_;
};

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_TIFF_DIRECTORY_H_
