// Smooth letters on pictures.
#ifndef BAYESPFL_MODEL_OVERLAY_LETTERING_H_
#define BAYESPFL_MODEL_OVERLAY_LETTERING_H_

#include <opencv2/core/mat.hpp>
#include <opencv2/core/types.hpp>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::overlay_internal {

// A line of text in one size, measured in pixels.
struct Lettering {
  std::string words;  // ASCII
  double scale = 1;   // OpenCV's font scale; a digit is 21 * scale high

  double Width() const;
  // Of a digit; letters with descenders reach below.
  double Height() const;
};

// Draws `text` with its left end at `x` and its digits centred on `y`; what lies outside is cut off.
void Draw(cv::Mat& canvas, const Lettering& text, double x, double y, const cv::Scalar& colour);

// Cuts `text` with dots until it is at most `width` wide.
Lettering Fit(Lettering text, double width);

// `text` (UTF-8) in the ASCII letters that OpenCV can draw: Latin letters lose their accents, others become '?'.
std::string DrawableText(absl::string_view text);

}  // namespace bayespfl::overlay_internal

#endif  // BAYESPFL_MODEL_OVERLAY_LETTERING_H_
