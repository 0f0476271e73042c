#include "model/image/opencv_codec.h"

#include <zlib.h>

#include <cstddef>
#include <limits>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/byte_order.h"
#include "model/image/image_header.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

// One row of OpenCV's interleaved samples (gray, BGR or BGRA) -> RGB8.
template <typename Sample, typename Convert>
void StoreRow(const Sample* from, int width, int channels, Convert convert, uint8_t* to) {
  const int red = channels == 1 ? 0 : 2;
  const int green = channels == 1 ? 0 : 1;
  for (int x = 0; x < width; ++x, from += channels, to += 3) {
    to[0] = convert(from[red]);
    to[1] = convert(from[green]);
    to[2] = convert(from[0]);
  }
}

RgbImage ToRgb(const cv::Mat& decoded, SampleScale scale) {
  RgbImage image{decoded.cols, decoded.rows, {}};
  image.pixels.resize(image.pixel_count() * 3);
  uint8_t* to = image.pixels.data();
  for (int y = 0; y < decoded.rows; ++y, to += static_cast<size_t>(decoded.cols) * 3) {
    if (decoded.depth() == CV_16U) {
      StoreRow(decoded.ptr<uint16_t>(y), decoded.cols, decoded.channels(), scale, to);
    } else {
      StoreRow(decoded.ptr<uint8_t>(y), decoded.cols, decoded.channels(), [](uint8_t value) { return value; }, to);
    }
  }
  return image;
}

absl::Status Damaged(absl::string_view format, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("damaged ", format, ": ", what));
}

bool IsCritical(absl::string_view type) { return type == "IHDR" || type == "PLTE" || type == "IDAT" || type == "IEND"; }

// Copies signature and critical chunks. Everything that ends before its end chunk is an error.
absl::StatusOr<std::vector<uint8_t>> KeepCriticalPngChunks(absl::Span<const uint8_t> encoded) {
  constexpr size_t kSignature = 8;
  constexpr size_t kFrame = 12;  // length, type and checksum
  constexpr uint8_t kAncillary = 0x20;
  std::vector<uint8_t> kept;
  kept.reserve(encoded.size());
  kept.assign(encoded.begin(), encoded.begin() + kSignature);
  absl::Span<const uint8_t> rest = encoded.subspan(kSignature);
  while (true) {
    if (rest.size() < kFrame || LoadBig32(rest.data()) > rest.size() - kFrame) {
      return absl::InvalidArgumentError("truncated PNG: the file ends before its end chunk");
    }
    const size_t length = LoadBig32(rest.data());
    const absl::string_view type(reinterpret_cast<const char*>(rest.data()) + 4, 4);
    if (IsCritical(type)) {
      if (crc32_z(0, rest.data() + 4, length + 4) != LoadBig32(rest.data() + 8 + length)) {
        return Damaged("PNG", absl::StrCat("wrong checksum of an ", type, " chunk"));
      }
      kept.insert(kept.end(), rest.begin(), rest.begin() + static_cast<std::ptrdiff_t>(length + kFrame));
    } else if ((rest[4] & kAncillary) == 0) {
      return Damaged("PNG", "unknown critical chunk");
    }
    if (type == "IEND") return kept;
    rest.remove_prefix(length + kFrame);
  }
}

}  // namespace

absl::StatusOr<RgbImage> DecodeWithOpenCv(absl::Span<const uint8_t> encoded, absl::string_view format, int64_t width,
                                          int64_t height, SampleScale scale) {
  if (encoded.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return absl::InvalidArgumentError(
        absl::StrCat(format, " of ", encoded.size(), " bytes; at most 2 GiB can be read"));
  }
  cv::Mat decoded;
  try {
    // The matrix only borrows the bytes; imdecode does not write to them.
    const cv::Mat source(1, static_cast<int>(encoded.size()), CV_8UC1, const_cast<uint8_t*>(encoded.data()));
    // IMREAD_UNCHANGED keeps 16 bits and, alone, also leaves the orientation as stored.
    decoded = cv::imdecode(source, cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception&) {
    decoded.release();  // its text names OpenCV's source files, which helps no client
  }
  if (decoded.empty()) return Damaged(format, "the pixel data cannot be decoded");
  if (decoded.cols != width || decoded.rows != height) return Damaged(format, "decoded size differs from the header's");
  const bool known_depth = decoded.depth() == CV_8U || decoded.depth() == CV_16U;
  const bool known_channels = decoded.channels() == 1 || decoded.channels() == 3 || decoded.channels() == 4;
  if (!known_depth || !known_channels) {
    return absl::InvalidArgumentError(absl::StrCat("unsupported ", format, ": neither 8- nor 16-bit gray or colour"));
  }
  return ToRgb(decoded, scale);
}

absl::StatusOr<RgbImage> DecodePng(absl::Span<const uint8_t> encoded, const ImageLimits& limits, SampleScale scale) {
  const absl::StatusOr<PictureSize> size = ReadPngSize(encoded);
  if (!size.ok()) return size.status();
  if (absl::Status status = CheckPixelLimit(size->width, size->height, limits); !status.ok()) return status;
  const absl::StatusOr<std::vector<uint8_t>> kept = KeepCriticalPngChunks(encoded);
  if (!kept.ok()) return kept.status();
  return DecodeWithOpenCv(*kept, "PNG", size->width, size->height, scale);
}

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
  return DecodeWithOpenCv(encoded, "BMP", size.width, size.height, SampleScale(16));
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
  return DecodeWithOpenCv(encoded, "WebP", size->width, size->height, SampleScale(16));
}

}  // namespace bayespfl::image_internal
