#include "model/overlay/layout.h"

#include <algorithm>
#include <cmath>

namespace bayespfl::overlay_internal {
namespace {

// In units.
constexpr double kBarWidth = 16;
constexpr double kLabelWidth = 38;
constexpr double kCaptionHeight = 64;
constexpr double kSmallestWidth = 330;   // of the picture's area: the caption's words must fit
constexpr double kSmallestHeight = 130;  // of the picture's area: the bar's ticks must fit

// Pictures with fewer pixels than kEnough^2 are enlarged, at most kMostEnlargement times.
constexpr double kEnough = 400;
constexpr double kUnitSide = 512;
constexpr int kMostEnlargement = 8;

}  // namespace

int Pixels(double units, double unit) { return std::max(1, static_cast<int>(std::lround(units * unit))); }

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

}  // namespace bayespfl::overlay_internal
