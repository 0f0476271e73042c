#include "model/evaluation/overlay.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr double kLargestAlpha = 0.75;  // of the colours where the map is highest: some of the picture always shows

cv::Size ShownSize(const RgbImage& picture, int longest) {
  const double factor = std::min(1.0, static_cast<double>(longest) / std::max(picture.width, picture.height));
  return {std::max(1, static_cast<int>(std::lround(picture.width * factor))),
          std::max(1, static_cast<int>(std::lround(picture.height * factor)))};
}

cv::Mat ShownPicture(const RgbImage& picture, cv::Size size) {
  // The matrix only borrows the pixels; cvtColor does not write to them.
  const cv::Mat rgb(picture.height, picture.width, CV_8UC3, const_cast<uint8_t*>(picture.pixels.data()));
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  cv::Mat shown;
  cv::resize(bgr, shown, size, 0, 0, cv::INTER_AREA);
  return shown;
}

// The map as 0..1 between the two ends of the colours.
cv::Mat ShownMap(const PixelMap& map, const OverlayOptions& options, cv::Size size) {
  const cv::Mat values(map.height, map.width, CV_32FC1, const_cast<float*>(map.values.data()));
  const double scale = 1.0 / (options.high - options.low);
  cv::Mat levels;
  values.convertTo(levels, CV_32F, scale, -options.low * scale);
  levels = cv::min(cv::max(levels, 0.0), 1.0);
  cv::Mat shown;
  cv::resize(levels, shown, size, 0, 0, cv::INTER_LINEAR);
  return shown;
}

cv::Mat Blend(const cv::Mat& picture, const cv::Mat& levels) {
  cv::Mat bytes;
  levels.convertTo(bytes, CV_8U, 255);
  cv::Mat colours;
  cv::applyColorMap(bytes, colours, cv::COLORMAP_INFERNO);
  const cv::Mat alpha = levels * kLargestAlpha;
  cv::Mat blended;
  cv::blendLinear(colours, picture, alpha, 1.0 - alpha, blended);
  return blended;
}

// A white line with a dark, half transparent edge: one of them stands out wherever the outline runs, and defects as
// thin as the line stay visible beside it.
void DrawOutline(cv::Mat& picture, absl::Span<const uint8_t> mask, const PixelMap& map) {
  const cv::Mat at_model_size(map.height, map.width, CV_8UC1, const_cast<uint8_t*>(mask.data()));
  cv::Mat shown;
  cv::resize(at_model_size, shown, picture.size(), 0, 0, cv::INTER_NEAREST);
  std::vector<std::vector<cv::Point>> outlines;
  cv::findContours(shown, outlines, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE);
  cv::Mat edged = picture.clone();
  cv::drawContours(edged, outlines, -1, cv::Scalar::all(0), 3, cv::LINE_AA);
  cv::addWeighted(edged, 0.5, picture, 0.5, 0, picture);
  cv::drawContours(picture, outlines, -1, cv::Scalar::all(255), 1, cv::LINE_AA);
}

std::string Render(const RgbImage& picture, const PixelMap& map, absl::Span<const uint8_t> mask,
                   const OverlayOptions& options) {
  const cv::Size size = ShownSize(picture, options.longest);
  cv::Mat overlay = Blend(ShownPicture(picture, size), ShownMap(map, options, size));
  if (!mask.empty()) DrawOutline(overlay, mask, map);
  std::vector<uchar> jpeg;
  cv::imencode(".jpg", overlay, jpeg, {cv::IMWRITE_JPEG_QUALITY, options.jpeg_quality});
  return {jpeg.begin(), jpeg.end()};
}

}  // namespace

absl::StatusOr<std::string> RenderOverlay(const RgbImage& picture, const PixelMap& map, absl::Span<const uint8_t> mask,
                                          const OverlayOptions& options) {
  if (picture.empty() || map.values.empty() || (!mask.empty() && mask.size() != map.values.size()) ||
      !(options.high > options.low)) {
    return absl::InvalidArgumentError("an overlay needs a picture, a map, a mask of the map's size and two colours");
  }
  try {
    return Render(picture, map, mask, options);
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("cannot draw an overlay: ", error.err));
  }
}

}  // namespace bayespfl
