// Where an overlay's parts go.
#ifndef BAYESPFL_MODEL_OVERLAY_LAYOUT_H_
#define BAYESPFL_MODEL_OVERLAY_LAYOUT_H_

#include <opencv2/core/types.hpp>

namespace bayespfl::overlay_internal {

// A length in units (see OverlayLayout) as whole pixels, >= 1.
int Pixels(double units, double unit);

inline constexpr double kMargin = 12;     // units; around the bar, and left and right of the caption
inline constexpr double kTickLength = 5;  // units
inline constexpr double kUpperRow = 20;   // units; middle of the caption's rows, from its top
inline constexpr double kLowerRow = 44;

// Pixels of the overlay.
struct OverlayLayout {
  int enlargement = 1;  // factor of the picture, 1..8
  double unit = 1;      // size of lines and letters; 1 for a picture of about 512 x 512
  cv::Rect picture;
  cv::Rect bar;      // the colours only: its top row is 1, its bottom row 0
  cv::Rect caption;  // as wide as the overlay
  cv::Size size;     // of the overlay
};

// The layout for a picture of this size (both sides >= 1). Deterministic.
OverlayLayout LayOut(cv::Size picture);

}  // namespace bayespfl::overlay_internal

#endif  // BAYESPFL_MODEL_OVERLAY_LAYOUT_H_
