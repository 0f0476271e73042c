#include "model/image/opencv_codec.h"

#include <cstddef>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

// OpenCV's interleaved samples (gray, BGR or BGRA) -> RGB8.
RgbImage ToRgb(const cv::Mat& decoded) {
  RgbImage image{decoded.cols, decoded.rows, {}};
  image.pixels.resize(image.pixel_count() * 3);
  const int channels = decoded.channels();
  const int red = channels == 1 ? 0 : 2;
  const int green = channels == 1 ? 0 : 1;
  uint8_t* to = image.pixels.data();
  for (int y = 0; y < decoded.rows; ++y) {
    const auto* from = decoded.ptr<uint8_t>(y);
    for (int x = 0; x < decoded.cols; ++x, from += channels, to += 3) {
      to[0] = from[red];
      to[1] = from[green];
      to[2] = from[0];
    }
  }
  return image;
}

absl::Status Damaged(absl::string_view format, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("damaged ", format, ": ", what));
}

// Decodes a file whose header has been checked and promised this size. Gray becomes RGB, alpha is dropped, orientation
// tags are ignored. `format` is for messages. InvalidArgument if OpenCV refuses the data, delivers another size or
// another sample type.
absl::StatusOr<RgbImage> DecodeWithOpenCv(absl::Span<const uint8_t> encoded, absl::string_view format, int64_t width,
                                          int64_t height) {
  if (encoded.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::InvalidArgumentError(
        absl::StrCat(format, " of ", encoded.size(), " bytes; at most 2 GiB can be read"));
  }
  cv::Mat decoded;
  try {
    // The matrix only borrows the bytes; imdecode does not write to them.
    const cv::Mat source(1, static_cast<int>(encoded.size()), CV_8UC1, const_cast<uint8_t*>(encoded.data()));
    // IMREAD_UNCHANGED alone leaves the orientation as stored.
    decoded = cv::imdecode(source, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception&) {
    decoded.release();  // its text names OpenCV's source files, which helps no client
  }
  if (decoded.empty()) return Damaged(format, "the pixel data cannot be decoded");
  if (decoded.cols != width || decoded.rows != height) return Damaged(format, "decoded size differs from the header's");
  const bool known_channels = decoded.channels() == 1 || decoded.channels() == 3 || decoded.channels() == 4;
  if (decoded.depth() != CV_8U || !known_channels) {
    return absl::InvalidArgumentError(absl::StrCat("unsupported ", format, ": neither gray nor colour of 8 bits"));
  }
  return ToRgb(decoded);
}

}  // namespace

absl::StatusOr<RgbImage> DecodeBmp(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  const absl::StatusOr<BmpHeader> header = ReadBmpHeader(encoded);
  if (!header.ok()) return header.status();
  const PictureSize size = header->size;
  if (absl::Status status = CheckPixelLimit(size.width, size.height, limits); !status.ok()) return status;
  const int64_t needed = header->pixel_offset + header->row_bytes() * size.height;
  if (needed > static_cast<int64_t>(encoded.size())) {
    return absl::InvalidArgumentError(
        absl::StrCat("truncated BMP: ", needed, " bytes announced, ", encoded.size(), " present"));
  }
  return DecodeWithOpenCv(encoded, "BMP", size.width, size.height);
}

absl::StatusOr<RgbImage> DecodeWebp(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  const absl::StatusOr<PictureSize> size = ReadWebpSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = CheckPixelLimit(size->width, size->height, limits); !status.ok()) return status;
  // OpenCV refuses files shorter than its probe of the header; a 1 x 1 picture is. Bytes past the end are ignored.
  constexpr size_t kProbeBytes = 32;
  std::vector<uint8_t> padded;
  if (encoded.size() < kProbeBytes) {
    padded.assign(encoded.begin(), encoded.end());
    padded.resize(kProbeBytes, 0);
    encoded = padded;
  }
  return DecodeWithOpenCv(encoded, "WebP", size->width, size->height);
}

}  // namespace bayespfl::image_internal
