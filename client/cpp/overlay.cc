#include "client/cpp/overlay.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

#include <opencv2/core.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "client/cpp/pixel_map.h"

namespace bayespfl::client {
namespace {

constexpr int kColours = cv::COLORMAP_INFERNO;
constexpr double kLargestAlpha = 0.8;  // of the colours where the map is 1: some of the picture always shows

// Sizes in units (see OverlayLayout).
constexpr double kMargin = 12;
constexpr double kBarWidth = 16;
constexpr double kTickLength = 5;
constexpr double kLabelWidth = 38;
constexpr double kCaptionHeight = 40;
constexpr double kSmallestWidth = 330;   // of the picture's area: the caption's words must fit
constexpr double kSmallestHeight = 130;  // of the picture's area: the bar's ticks must fit
constexpr double kLabelFont = 0.38;      // OpenCV font scales
constexpr double kCaptionFont = 0.52;

// Pictures with fewer pixels than kEnough^2 are enlarged, at most kMostEnlargement times.
constexpr double kEnough = 400;
constexpr double kUnitSide = 512;
constexpr int kMostEnlargement = 8;

// Letters are drawn this much larger and then averaged down: OpenCV's own anti-aliasing leaves them ragged.
constexpr int kTextOversampling = 4;

const cv::Scalar kBackground(32, 28, 26);
const cv::Scalar kInk(240, 240, 240);
const cv::Scalar kFaintInk(178, 172, 168);

int Pixels(double units, double unit) { return std::max(1, static_cast<int>(std::lround(units * unit))); }

// A line of text in one font scale, measured in pixels.
struct Text {
  std::string words;
  double scale = 1;  // font scale times unit

  int Thickness() const { return std::max(1, static_cast<int>(std::lround(scale * kTextOversampling * 1.6))); }
  double Width() const {
    int baseline = 0;
    const cv::Size size =
        cv::getTextSize(words, cv::FONT_HERSHEY_SIMPLEX, scale * kTextOversampling, Thickness(), &baseline);
    return static_cast<double>(size.width) / kTextOversampling;
  }
  // Of a digit; letters with descenders reach below.
  double Height() const { return 21.0 * scale; }
};

// Draws `text` with its left end at `x` and its digits centred on `y`.
void Draw(cv::Mat& canvas, const Text& text, double x, double y, const cv::Scalar& colour) {
  const int pad = static_cast<int>(std::ceil(text.Height()));
  const cv::Rect wanted(static_cast<int>(std::floor(x)) - pad, static_cast<int>(std::floor(y)) - 2 * pad,
                        static_cast<int>(std::ceil(text.Width())) + 2 * pad, 4 * pad);
  const cv::Rect area = wanted & cv::Rect(cv::Point(), canvas.size());
  if (area.empty()) return;
  cv::Mat ink(area.size() * kTextOversampling, CV_8UC1, cv::Scalar(0));
  const cv::Point origin(static_cast<int>(std::lround((x - area.x) * kTextOversampling)),
                         static_cast<int>(std::lround((y + text.Height() / 2 - area.y) * kTextOversampling)));
  cv::putText(ink, text.words, origin, cv::FONT_HERSHEY_SIMPLEX, text.scale * kTextOversampling, cv::Scalar(255),
              text.Thickness(), cv::LINE_AA);
  cv::Mat coverage;
  cv::resize(ink, coverage, area.size(), 0, 0, cv::INTER_AREA);
  coverage.convertTo(coverage, CV_32F, 1.0 / 255);
  cv::Mat target = canvas(area);
  const cv::Mat paint(area.size(), CV_8UC3, colour);
  cv::blendLinear(paint, target, coverage, 1.0 - coverage, target);
}

// The map's colours over the picture, weighted with the map itself.
cv::Mat Blend(const cv::Mat& picture, const cv::Mat& map) {
  cv::Mat levels;
  map.convertTo(levels, CV_8U, 255);
  cv::Mat colours;
  cv::applyColorMap(levels, colours, kColours);
  const cv::Mat alpha = map * kLargestAlpha;
  cv::Mat blended;
  cv::blendLinear(colours, picture, alpha, 1.0 - alpha, blended);
  return blended;
}

// White with a black core: one of them stands out wherever the outline runs.
void DrawOutline(cv::Mat& picture, const cv::Mat& mask, double unit) {
  std::vector<std::vector<cv::Point>> outlines;
  cv::findContours(mask, outlines, cv::RETR_CCOMP, cv::CHAIN_APPROX_NONE);
  const int core = Pixels(1.2, unit);
  cv::drawContours(picture, outlines, -1, cv::Scalar::all(255), core + 2 * Pixels(0.9, unit), cv::LINE_AA);
  cv::drawContours(picture, outlines, -1, cv::Scalar::all(0), core, cv::LINE_AA);
}

// y of a map value on the bar.
int BarRow(const OverlayLayout& layout, double value) {
  return layout.bar.y + static_cast<int>(std::lround((1 - value) * (layout.bar.height - 1)));
}

void DrawTicks(cv::Mat& canvas, const OverlayLayout& layout) {
  const int right = layout.bar.x + layout.bar.width;
  const int thickness = Pixels(1, layout.unit);
  for (const double value : {0.0, 0.25, 0.5, 0.75, 1.0}) {
    const int y = BarRow(layout, value);
    cv::rectangle(canvas, cv::Rect(right, y - thickness / 2, Pixels(kTickLength, layout.unit), thickness), kFaintInk,
                  cv::FILLED);
    const Text label{.words = absl::StrFormat("%.2g", value), .scale = kLabelFont * layout.unit};
    Draw(canvas, label, right + (kTickLength + 3) * layout.unit, y, kFaintInk);
  }
}

// A line across the bar and an arrow head on its left: never mistaken for a tick.
void DrawThreshold(cv::Mat& canvas, const OverlayLayout& layout, double threshold) {
  const int y = BarRow(layout, threshold);
  const int thickness = Pixels(1.2, layout.unit);
  const int halo = thickness + 2 * Pixels(0.9, layout.unit);
  cv::rectangle(canvas, cv::Rect(layout.bar.x, y - halo / 2, layout.bar.width, halo), cv::Scalar::all(255), cv::FILLED);
  cv::rectangle(canvas, cv::Rect(layout.bar.x, y - thickness / 2, layout.bar.width, thickness), cv::Scalar::all(0),
                cv::FILLED);
  const int tip = layout.bar.x - Pixels(1, layout.unit);
  const int length = Pixels(7, layout.unit);
  const int half = Pixels(4.5, layout.unit);
  const std::vector<cv::Point> arrow = {{tip, y}, {tip - length, y - half}, {tip - length, y + half}};
  cv::fillConvexPoly(canvas, arrow, kInk, cv::LINE_AA);
}

void DrawBar(cv::Mat& canvas, const OverlayLayout& layout, double threshold) {
  cv::Mat levels(layout.bar.height, 1, CV_8UC1);
  for (int row = 0; row < levels.rows; ++row) {
    const double value = 1.0 - static_cast<double>(row) / std::max(1, levels.rows - 1);
    levels.at<uchar>(row) = cv::saturate_cast<uchar>(255 * value);
  }
  cv::Mat colours;
  cv::applyColorMap(levels, colours, kColours);
  cv::resize(colours, canvas(layout.bar), layout.bar.size(), 0, 0, cv::INTER_NEAREST);
  DrawTicks(canvas, layout);
  DrawThreshold(canvas, layout, std::clamp(threshold, 0.0, 1.0));
}

// Cuts `text` with dots until it is at most `width` wide.
Text Fit(Text text, double width) {
  const std::string whole = text.words;
  for (size_t kept = whole.size(); kept > 0 && text.Width() > width; --kept) {
    text.words = absl::StrCat(whole.substr(0, kept - 1), "...");
  }
  return text;
}

void DrawCaption(cv::Mat& canvas, const OverlayLayout& layout, const OverlayText& text) {
  const double scale = kCaptionFont * layout.unit;
  const double y = layout.caption.y + layout.caption.height / 2.0;
  const double margin = kMargin * layout.unit;
  const double gap = 8 * layout.unit;
  double x = layout.caption.br().x - margin;
  // From right to left: values in bright, their names in faint letters.
  const auto put = [&](const std::string& words, const cv::Scalar& colour, double space) {
    const Text item{.words = words, .scale = scale};
    x -= item.Width();
    Draw(canvas, item, x, y, colour);
    x -= space;
  };
  put(absl::StrFormat("%.3f", text.map_score), kInk, gap * 0.75);
  put("map", kFaintInk, gap * 2);
  put(absl::StrFormat("%.3f", text.score), kInk, gap * 0.75);
  put("score", kFaintInk, gap * 2);
  const Text category = Fit({.words = DrawableText(text.category), .scale = scale}, x - margin);
  Draw(canvas, category, margin, y, kInk);
}

absl::Status CheckInputs(const cv::Mat& picture, const cv::Mat& map, const cv::Mat& mask) {
  if (picture.empty() || (picture.type() != CV_8UC3 && picture.type() != CV_8UC1)) {
    return absl::InvalidArgumentError("the picture of an overlay must be 8-bit BGR or gray");
  }
  if (map.empty() || map.type() != CV_32FC1) return absl::InvalidArgumentError("the map of an overlay must be float");
  if (mask.empty() || mask.type() != CV_8UC1) return absl::InvalidArgumentError("the mask of an overlay must be 8-bit");
  return absl::OkStatus();
}

cv::Mat Render(const cv::Mat& picture, const cv::Mat& anomaly_map, const cv::Mat& mask, const OverlayText& text) {
  const OverlayLayout layout = LayOut(picture.size());
  cv::Mat colour_picture;
  if (picture.channels() == 1) {
    cv::cvtColor(picture, colour_picture, cv::COLOR_GRAY2BGR);
  } else {
    colour_picture = picture;
  }
  const cv::Size size = layout.picture.size();
  cv::Mat shown;
  cv::resize(colour_picture, shown, size, 0, 0, cv::INTER_CUBIC);
  cv::Mat map;
  cv::resize(cv::min(cv::max(anomaly_map, 0.0), 1.0), map, size, 0, 0, cv::INTER_LINEAR);
  cv::Mat large_mask;
  cv::resize(mask > 0, large_mask, size, 0, 0, cv::INTER_LINEAR);
  large_mask = large_mask > 127;  // rounds the corners that the enlargement would give the outline
  shown = Blend(shown, map);
  DrawOutline(shown, large_mask, layout.unit);

  cv::Mat canvas(layout.size, CV_8UC3, kBackground);
  shown.copyTo(canvas(layout.picture));
  DrawBar(canvas, layout, text.mask_threshold);
  DrawCaption(canvas, layout, text);
  return canvas;
}

absl::StatusOr<cv::Mat> DecodePicture(absl::string_view bytes) {
  const std::vector<uchar> buffer(bytes.begin(), bytes.end());
  try {
    // The server ignores the orientation too: map and picture must lie on each other.
    cv::Mat picture = cv::imdecode(buffer, cv::IMREAD_COLOR | cv::IMREAD_IGNORE_ORIENTATION);
    if (!picture.empty()) return picture;
  } catch (const cv::Exception&) {
    // Reported below like every other unreadable picture.
  }
  return absl::InvalidArgumentError("no overlay: the picture cannot be read here");
}

// ASCII spellings of U+00C0..U+00FF, in order.
constexpr std::array<const char*, 64> kLatin1 = {
    "A", "A", "A", "A", "Ae", "A", "AE", "C", "E", "E", "E", "E", "I",  "I", "I",  "I",   //
    "D", "N", "O", "O", "O",  "O", "Oe", "x", "O", "U", "U", "U", "Ue", "Y", "Th", "ss",  //
    "a", "a", "a", "a", "ae", "a", "ae", "c", "e", "e", "e", "e", "i",  "i", "i",  "i",   //
    "d", "n", "o", "o", "o",  "o", "oe", "/", "o", "u", "u", "u", "ue", "y", "th", "y"};

}  // namespace

std::string DrawableText(absl::string_view text) {
  std::string drawable;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (byte >= 0x20 && byte < 0x7F) {
      drawable.push_back(text[i]);
    } else if (byte == 0xC3 && i + 1 < text.size()) {  // U+00C0..U+00FF are C3 80..C3 BF
      drawable += kLatin1[static_cast<unsigned char>(text[++i]) & 0x3FU];
    } else if ((byte & 0xC0U) != 0x80U) {  // one mark for a whole character: continuation bytes say nothing new
      drawable.push_back('?');
    }
  }
  return drawable;
}

OverlayLayout LayOut(cv::Size picture) {
  OverlayLayout layout;
  const double side = std::sqrt(static_cast<double>(picture.width) * picture.height);
  layout.enlargement = std::clamp(static_cast<int>(std::ceil(kEnough / side)), 1, kMostEnlargement);
  const cv::Size shown = picture * layout.enlargement;
  layout.unit = std::max(1.0, side * layout.enlargement / kUnitSide);
  const double unit = layout.unit;
  const cv::Size area(std::max(shown.width, Pixels(kSmallestWidth, unit)),
                      std::max(shown.height, Pixels(kSmallestHeight, unit)));
  layout.picture = {(area.width - shown.width) / 2, (area.height - shown.height) / 2, shown.width, shown.height};
  const int margin = Pixels(kMargin, unit);
  layout.bar = {area.width + margin, margin, Pixels(kBarWidth, unit), area.height - 2 * margin};
  layout.size.width = layout.bar.br().x + Pixels(kTickLength + kLabelWidth, unit);
  layout.caption = {0, area.height, layout.size.width, Pixels(kCaptionHeight, unit)};
  layout.size.height = layout.caption.br().y;
  return layout;
}

absl::StatusOr<cv::Mat> RenderOverlay(const cv::Mat& picture, const cv::Mat& anomaly_map, const cv::Mat& mask,
                                      const OverlayText& text) {
  const absl::Status inputs = CheckInputs(picture, anomaly_map, mask);
  if (!inputs.ok()) return inputs;
  try {
    return Render(picture, anomaly_map, mask, text);
  } catch (const cv::Exception& e) {
    return absl::InternalError(absl::StrCat("cannot draw the overlay: ", e.what()));
  }
}

absl::StatusOr<std::string> OverlayPng(absl::string_view picture_bytes,
                                       const inspection::v1::InspectResponse& response) {
  const absl::StatusOr<cv::Mat> picture = DecodePicture(picture_bytes);
  if (!picture.ok()) return picture.status();
  const absl::StatusOr<cv::Mat> map = DecodePixelMap(response.anomaly_map());
  if (!map.ok()) return map.status();
  const absl::StatusOr<cv::Mat> mask_values = DecodePixelMap(response.mask());
  if (!mask_values.ok()) return mask_values.status();
  cv::Mat mask;
  mask_values->convertTo(mask, CV_8U, 255);
  const absl::StatusOr<cv::Mat> overlay = RenderOverlay(*picture, *map, mask,
                                                        {.category = response.category(),
                                                         .score = response.score(),
                                                         .map_score = response.map_score(),
                                                         .mask_threshold = response.mask_threshold()});
  if (!overlay.ok()) return overlay.status();
  try {
    std::vector<uchar> png;
    if (cv::imencode(".png", *overlay, png)) return std::string(png.begin(), png.end());
  } catch (const cv::Exception&) {
    // Reported below.
  }
  return absl::InternalError("cannot write the overlay as PNG");
}

}  // namespace bayespfl::client
