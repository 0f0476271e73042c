// The compression schemes of TIFF strips and tiles.
#ifndef BAYESPFL_MODEL_IMAGE_TIFF_CODEC_H_
#define BAYESPFL_MODEL_IMAGE_TIFF_CODEC_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/types/span.h"

namespace bayespfl::image_internal {

// Values of the Compression tag (259) that are supported.
enum class TiffCompression : uint32_t {
  kNone = 1,
  kLzw = 5,
  kJpeg = 7,  // DecodeJpegBlock() undoes it: it needs more than the block's bytes
  kDeflate = 8,
  kOldDeflate = 32946,
  kPackBits = 32773,
};

bool IsSupportedTiffCompression(uint64_t tag_value);

// The most bytes that one byte of `compression` can stand for, in the limit of long data; nullopt where nothing useful
// is known. A block of fewer bytes than that needs cannot be whole.
std::optional<uint64_t> LargestTiffExpansion(TiffCompression compression);

// Fills `output` completely from one strip or tile; what `input` holds beyond that is ignored. InvalidArgument if the
// data is invalid or ends before `output` is full, if, for Deflate, the checksum is wrong, or, by name, if LZW codes
// are in the order of before TIFF 6.0; of kJpeg always. Thread-safe.
absl::Status DecompressTiffBlock(TiffCompression compression, absl::Span<const uint8_t> input,
                                 absl::Span<uint8_t> output);

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_TIFF_CODEC_H_
