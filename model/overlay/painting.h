// What all overlays have in common, with OpenCV: the map's colours over a picture, and the outlines of a mask.
// Matrices of colours are 8-bit R, G, B, like RgbImage and unlike OpenCV's own habit.
//
// Functions expect inputs that CheckLayers() let pass and throw cv::Exception where OpenCV does.
#ifndef BAYESPFL_MODEL_OVERLAY_PAINTING_H_
#define BAYESPFL_MODEL_OVERLAY_PAINTING_H_

#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <vector>

#include "absl/status/status.h"
#include "model/detection/pixel_map.h"
#include "model/image/image.h"
#include "model/overlay/layers.h"

namespace bayespfl::overlay_internal {

// InvalidArgument: an empty picture or map, or values that do not fit the size of picture, map or mask.
absl::Status CheckLayers(const RgbImage& picture, const PixelMap& map, const MaskView& mask);

// The picture's own pixels as a matrix, valid as long as it. Read only.
cv::Mat Borrow(const RgbImage& picture);

// The map as 0..1 from value `low` to value `high` (> low), clamped, stretched to `size`: 32-bit float.
cv::Mat Levels(const PixelMap& map, double low, double high, cv::Size size);

// Colours of `levels` (8-bit, 0..255): OpenCV's inferno.
cv::Mat Colours(const cv::Mat& levels);

// The colours of `levels` (0..1) over `picture`, weighted with largest_alpha * levels. Both of one size.
cv::Mat Blend(const cv::Mat& picture, const cv::Mat& levels, double largest_alpha);

// Outlines of the mask stretched to `size`, holes included; none without a mask.
std::vector<std::vector<cv::Point>> Outlines(const MaskView& mask, cv::Size size);

}  // namespace bayespfl::overlay_internal

#endif  // BAYESPFL_MODEL_OVERLAY_PAINTING_H_
