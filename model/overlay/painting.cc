#include "model/overlay/painting.h"

#include <cstddef>
#include <cstdint>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>

namespace bayespfl::overlay_internal {
namespace {

bool Fits(int width, int height, size_t values, size_t channels = 1) {
  return width > 0 && height > 0 && values == channels * static_cast<size_t>(width) * static_cast<size_t>(height);
}

}  // namespace

absl::Status CheckLayers(const RgbImage& picture, const PixelMap& map, const MaskView& mask) {
  if (!Fits(picture.width, picture.height, picture.pixels.size(), 3)) {
    return absl::InvalidArgumentError("an overlay needs a picture whose pixels fit its size");
  }
  if (!Fits(map.width, map.height, map.values.size())) {
    return absl::InvalidArgumentError("an overlay needs a map whose values fit its size");
  }
  if (!mask.values.empty() && !Fits(mask.width, mask.height, mask.values.size())) {
    return absl::InvalidArgumentError("the values of an overlay's mask do not fit its size");
  }
  return absl::OkStatus();
}

// Matrices borrow from constant pixels here and below; nobody writes to them.

cv::Mat Borrow(const RgbImage& picture) {
  return {picture.height, picture.width, CV_8UC3, const_cast<uint8_t*>(picture.pixels.data())};
}

cv::Mat Levels(const PixelMap& map, double low, double high, cv::Size size) {
  const cv::Mat values(map.height, map.width, CV_32FC1, const_cast<float*>(map.values.data()));
  const double scale = 1.0 / (high - low);
  cv::Mat levels;
  values.convertTo(levels, CV_32F, scale, -low * scale);
  levels = cv::min(cv::max(levels, 0.0), 1.0);
  cv::Mat stretched;
  cv::resize(levels, stretched, size, 0, 0, cv::INTER_LINEAR);
  return stretched;
}

cv::Mat Colours(const cv::Mat& levels) {
  cv::Mat colours;
  cv::applyColorMap(levels, colours, cv::COLORMAP_INFERNO);
  cv::cvtColor(colours, colours, cv::COLOR_BGR2RGB);
  return colours;
}

cv::Mat Blend(const cv::Mat& picture, const cv::Mat& levels, double largest_alpha) {
  cv::Mat bytes;
  levels.convertTo(bytes, CV_8U, 255);
  const cv::Mat alpha = levels * largest_alpha;
  cv::Mat blended;
  cv::blendLinear(Colours(bytes), picture, alpha, 1.0 - alpha, blended);
  return blended;
}

std::vector<std::vector<cv::Point>> Outlines(const MaskView& mask, cv::Size size) {
  if (mask.values.empty()) return {};
  const cv::Mat values(mask.height, mask.width, CV_8UC1, const_cast<uint8_t*>(mask.values.data()));
  const bool smaller = size.width < mask.width || size.height < mask.height;
  cv::Mat stretched;
  // Enlarged, half way between two values rounds the corners; reduced, it would lose what is thin.
  cv::resize(values > 0, stretched, size, 0, 0, smaller ? cv::INTER_NEAREST : cv::INTER_LINEAR);
  stretched = stretched > 127;
  std::vector<std::vector<cv::Point>> outlines;
  cv::findContours(stretched, outlines, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE);
  return outlines;
}

}  // namespace bayespfl::overlay_internal
