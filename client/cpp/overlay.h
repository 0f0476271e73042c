// Pictures for people: the inspected picture with its anomaly map, the mask's outline, a colour bar and a caption.
//
//   +---------------------+-----+
//   |                     | 1.0 |   picture: blended with the map's colours, the more opaque the higher the map, so
//   |  picture            | |   |            that what is good stays visible; the mask's outline in white and black
//   |                     | |<  |   bar:     the colours of 0..1, with a mark at the mask's threshold
//   |                     | 0.0 |
//   +---------------------+-----+
//   | metal nut   score 0.93 ...|   caption
//   +---------------------------+
//
// The colours are OpenCV's inferno: perceptually even, growing in lightness, and readable with every kind of colour
// blindness. Lines and letters grow with the picture; small pictures are enlarged by a whole factor first, so that the
// letters fit.
#ifndef BAYESPFL_CLIENT_CPP_OVERLAY_H_
#define BAYESPFL_CLIENT_CPP_OVERLAY_H_

#include <string>

#include <opencv2/core/mat.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// What the caption and the bar say.
struct OverlayText {
  std::string category;      // UTF-8; Latin letters lose their accents, others become '?'; cut with dots if too long
  float score = 0;           // 0..1
  float map_score = 0;       // 0..1
  float mask_threshold = 0;  // 0..1, marked on the bar
};

// Where RenderOverlay puts things, pixels of the overlay.
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

// Renders one overlay, 8-bit BGR of LayOut(picture.size()).size.
// picture: 8-bit, BGR or gray, [H, W]. anomaly_map: 32-bit float 0..1, any size (it is stretched). mask: 8-bit, not 0
// where the map reached the threshold, any size. INVALID_ARGUMENT for empty or other matrices.
absl::StatusOr<cv::Mat> RenderOverlay(const cv::Mat& picture, const cv::Mat& anomaly_map, const cv::Mat& mask,
                                      const OverlayText& text);

// The overlay of a reply as the bytes of a PNG file. `picture_bytes` is the file that was inspected; the reply must
// carry anomaly map and mask. INVALID_ARGUMENT when the picture cannot be read or the reply lacks a map.
absl::StatusOr<std::string> OverlayPng(absl::string_view picture_bytes,
                                       const inspection::v1::InspectResponse& response);

// `text` in the ASCII letters that OpenCV can draw.
std::string DrawableText(absl::string_view text);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_OVERLAY_H_
