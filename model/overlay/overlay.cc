#include "model/overlay/overlay.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <opencv2/core.hpp>
#include <opencv2/imgproc.hpp>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "model/overlay/layout.h"
#include "model/overlay/lettering.h"
#include "model/overlay/painting.h"

namespace bayespfl {
namespace {

using overlay_internal::kLowerRow;
using overlay_internal::kMargin;
using overlay_internal::kTickLength;
using overlay_internal::kUpperRow;
using overlay_internal::Lettering;
using overlay_internal::OverlayLayout;
using overlay_internal::Pixels;

constexpr double kLargestAlpha = 0.8;  // of the colours where the map is 1: some of the picture always shows
constexpr double kLabelFont = 0.38;    // OpenCV font scales
constexpr double kCaptionFont = 0.52;

const cv::Scalar kBackground(26, 28, 32);
const cv::Scalar kInk(240, 240, 240);
const cv::Scalar kFaintInk(168, 172, 178);

// White with a black core: one of them stands out wherever the outline runs.
void DrawOutlines(cv::Mat& picture, const std::vector<std::vector<cv::Point>>& outlines, double unit) {
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
    const Lettering label{.words = absl::StrFormat("%.2g", value), .scale = kLabelFont * layout.unit};
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
  const cv::Mat colours = overlay_internal::Colours(levels);
  cv::resize(colours, canvas(layout.bar), layout.bar.size(), 0, 0, cv::INTER_NEAREST);
  DrawTicks(canvas, layout);
  DrawThreshold(canvas, layout, std::clamp(threshold, 0.0, 1.0));
}

// Words that end at `right`, and their left end.
double DrawBefore(cv::Mat& canvas, const Lettering& words, double right, double y, const cv::Scalar& colour) {
  const double x = right - words.Width();
  Draw(canvas, words, x, y, colour);
  return x;
}

// "FAIL by score", "PASS", "no verdict".
std::string DecisionText(const Decision& decision) {
  if (decision.verdict == Verdict::kNone) return "no verdict";
  std::string text(VerdictName(decision.verdict));
  if (decision.rule.has_value()) absl::StrAppend(&text, " by ", RuleName(*decision.rule));
  return text;
}

// Two rows: the category and what follows for it; the numbers behind it, their names in faint letters.
void DrawCaption(cv::Mat& canvas, const OverlayLayout& layout, const OverlayText& text) {
  const double scale = kCaptionFont * layout.unit;
  const double margin = kMargin * layout.unit;
  const double gap = 8 * layout.unit;
  const double right = layout.caption.br().x - margin;
  const double upper = layout.caption.y + kUpperRow * layout.unit;
  const double lower = layout.caption.y + kLowerRow * layout.unit;
  const auto words = [scale](std::string of) { return Lettering{.words = std::move(of), .scale = scale}; };

  const bool decided = text.decision.verdict != Verdict::kNone;
  const double left = DrawBefore(canvas, words(DecisionText(text.decision)), right, upper, decided ? kInk : kFaintInk);
  const Lettering category = Fit(words(overlay_internal::DrawableText(text.category)), left - 2 * gap - margin);
  Draw(canvas, category, margin, upper, kInk);

  double x = DrawBefore(canvas, words(absl::StrFormat("%.3f", text.map_score)), right, lower, kInk);
  x = DrawBefore(canvas, words("map"), x - gap * 0.75, lower, kFaintInk);
  x = DrawBefore(canvas, words(absl::StrFormat("%.3f", text.score)), x - gap * 2, lower, kInk);
  DrawBefore(canvas, words("score"), x - gap * 0.75, lower, kFaintInk);
}

RgbImage Render(const RgbImage& picture, const PixelMap& map, const MaskView& mask, const OverlayText& text) {
  const OverlayLayout layout = overlay_internal::LayOut({picture.width, picture.height});
  const cv::Size size = layout.picture.size();
  cv::Mat shown;
  cv::resize(overlay_internal::Borrow(picture), shown, size, 0, 0, cv::INTER_CUBIC);
  shown = overlay_internal::Blend(shown, overlay_internal::Levels(map, 0, 1, size), kLargestAlpha);
  DrawOutlines(shown, overlay_internal::Outlines(mask, size), layout.unit);

  RgbImage overlay{.width = layout.size.width, .height = layout.size.height, .pixels = {}};
  overlay.pixels.resize(3 * overlay.pixel_count());
  cv::Mat canvas(layout.size, CV_8UC3, overlay.pixels.data());
  canvas = kBackground;
  shown.copyTo(canvas(layout.picture));
  DrawBar(canvas, layout, text.mask_threshold);
  DrawCaption(canvas, layout, text);
  return overlay;
}

}  // namespace

absl::StatusOr<RgbImage> DrawOverlay(const RgbImage& picture, const PixelMap& map, const MaskView& mask,
                                     const OverlayText& text) {
  if (absl::Status layers = overlay_internal::CheckLayers(picture, map, mask); !layers.ok()) return layers;
  try {
    return Render(picture, map, mask, text);
  } catch (const cv::Exception& error) {
    return absl::InternalError(absl::StrCat("cannot draw the overlay: ", error.err));
  }
}

}  // namespace bayespfl
