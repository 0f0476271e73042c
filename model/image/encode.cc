#include "model/image/encode.h"

#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

absl::StatusOr<std::string> Encode(const RgbImage& picture, const char* extension, const std::vector<int>& parameters) {
  if (picture.width < 1 || picture.height < 1 || picture.pixels.size() != 3 * picture.pixel_count()) {
    return absl::InvalidArgumentError("there is no picture to encode, or its pixels do not fit its size");
  }
  try {
    // The matrix only borrows the pixels; cvtColor does not write to them.
    const cv::Mat rgb(picture.height, picture.width, CV_8UC3, const_cast<uint8_t*>(picture.pixels.data()));
    cv::Mat bgr;
    cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
    std::vector<uint8_t> bytes;
    if (cv::imencode(extension, bgr, bytes, parameters)) return std::string(bytes.begin(), bytes.end());
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("cannot encode a picture as ", extension + 1, ": ", error.err));
  }
  return absl::InternalError(absl::StrCat("cannot encode a picture as ", extension + 1));
}

}  // namespace

absl::StatusOr<std::string> EncodePng(const RgbImage& picture) { return Encode(picture, ".png", {}); }

absl::StatusOr<std::string> EncodeJpeg(const RgbImage& picture, int quality) {
  if (quality < 1 || quality > 100) {
    return absl::InvalidArgumentError(absl::StrCat("the quality of a JPEG is 1..100, not ", quality));
  }
  return Encode(picture, ".jpeg", {cv::IMWRITE_JPEG_QUALITY, quality});
}

}  // namespace bayespfl
