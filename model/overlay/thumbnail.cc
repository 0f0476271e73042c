#include "model/overlay/thumbnail.h"

#include <algorithm>
#include <cmath>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/overlay/painting.h"

namespace bayespfl {
namespace {

constexpr double kLargestAlpha = 0.75;  // of the colours where the map is highest: some of the picture always shows

cv::Size ShownSize(const RgbImage& picture, int longest) {
  const double factor = std::min(1.0, static_cast<double>(longest) / std::max(picture.width, picture.height));
  return {std::max(1, static_cast<int>(std::lround(picture.width * factor))),
          std::max(1, static_cast<int>(std::lround(picture.height * factor)))};
}

// A white line with a dark, half transparent edge: one of them stands out wherever the outline runs, and defects as
// thin as the line stay visible beside it.
void DrawOutlines(cv::Mat& picture, const std::vector<std::vector<cv::Point>>& outlines) {
  cv::Mat edged = picture.clone();
  cv::drawContours(edged, outlines, -1, cv::Scalar::all(0), 3, cv::LINE_AA);
  cv::addWeighted(edged, 0.5, picture, 0.5, 0, picture);
  cv::drawContours(picture, outlines, -1, cv::Scalar::all(255), 1, cv::LINE_AA);
}

RgbImage Draw(const RgbImage& picture, const PixelMap& map, const MaskView& mask, const ThumbnailOptions& options) {
  const cv::Size size = ShownSize(picture, options.longest);
  cv::Mat shown;
  cv::resize(overlay_internal::Borrow(picture), shown, size, 0, 0, cv::INTER_AREA);
  const cv::Mat levels = overlay_internal::Levels(map, options.low, options.high, size);
  cv::Mat thumbnail = overlay_internal::Blend(shown, levels, kLargestAlpha);
  DrawOutlines(thumbnail, overlay_internal::Outlines(mask, size));
  return {.width = size.width, .height = size.height, .pixels = {thumbnail.datastart, thumbnail.dataend}};
}

}  // namespace

absl::StatusOr<RgbImage> DrawThumbnail(const RgbImage& picture, const PixelMap& map, const MaskView& mask,
                                       const ThumbnailOptions& options) {
  if (absl::Status layers = overlay_internal::CheckLayers(picture, map, mask); !layers.ok()) return layers;
  if (!(options.high > options.low) || options.longest < 1) {
    return absl::InvalidArgumentError("a thumbnail needs two colours that differ and a size");
  }
  try {
    return Draw(picture, map, mask, options);
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("cannot draw a thumbnail: ", error.err));
  }
}

}  // namespace bayespfl
