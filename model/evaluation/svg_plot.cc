#include "model/evaluation/svg_plot.h"

#include <algorithm>
#include <cmath>
#include <cstddef>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_replace.h"

namespace bayespfl {
namespace {

// Geometry in the units of the view box.
constexpr double kWidth = 320;
constexpr double kHeight = 270;
constexpr double kLeft = 44;
constexpr double kRight = 10;
constexpr double kTop = 28;
constexpr double kBottom = 64;  // tick labels, axis label, legend
constexpr double kPlotWidth = kWidth - kLeft - kRight;
constexpr double kPlotHeight = kHeight - kTop - kBottom;
constexpr double kLeastStep = 0.1;  // between drawn points
constexpr size_t kBins = 25;

class Canvas {
 public:
  explicit Canvas(const PlotFrame& frame) : frame_(frame) {
    absl::StrAppendFormat(&svg_,
                          "<svg class=\"plot\" viewBox=\"0 0 %g %g\" role=\"img\" aria-label=\"%s\">\n"
                          "<text class=\"title\" x=\"%g\" y=\"16\">%s</text>\n",
                          kWidth, kHeight, EscapeMarkup(frame.title), kLeft, EscapeMarkup(frame.title));
    DrawAxes();
  }

  [[nodiscard]] double X(double value) const { return kLeft + kPlotWidth * value / frame_.x_max; }
  [[nodiscard]] double Y(double value) const {
    return kTop + kPlotHeight * (frame_.y_max - value) / (frame_.y_max - frame_.y_min);
  }

  void Append(absl::string_view markup) { absl::StrAppend(&svg_, markup); }

  void Text(absl::string_view css, double x, double y, absl::string_view anchor, absl::string_view text) {
    absl::StrAppendFormat(&svg_, "<text class=\"%s\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\">%s</text>\n", css, x, y,
                          anchor, EscapeMarkup(text));
  }

  std::string Finish() && { return std::move(svg_) + "</svg>\n"; }

 private:
  static std::string TickLabel(double value) { return absl::StrFormat("%.3g", value); }

  void DrawAxes() {
    for (int i = 0; i <= kPlotIntervals; ++i) {
      const double x = frame_.x_max * i / kPlotIntervals;
      double y = frame_.y_min + (frame_.y_max - frame_.y_min) * i / kPlotIntervals;
      if (std::abs(y) < 1e-9 * (frame_.y_max - frame_.y_min)) y = 0;  // but for rounding
      absl::StrAppendFormat(&svg_, "<path class=\"grid\" d=\"M%.1f %gV%gM%g %.1fH%g\"/>\n", X(x), kTop,
                            kTop + kPlotHeight, kLeft, Y(y), kLeft + kPlotWidth);
      Text("tick", X(x), kTop + kPlotHeight + 14, "middle", TickLabel(x));
      Text("tick", kLeft - 5, Y(y) + 3.5, "end", TickLabel(y));
    }
    absl::StrAppendFormat(&svg_, "<path class=\"axis\" d=\"M%g %gV%gH%g\"/>\n", kLeft, kTop, kTop + kPlotHeight,
                          kLeft + kPlotWidth);
    Text("label", kLeft + kPlotWidth / 2, kTop + kPlotHeight + 30, "middle", frame_.x_label);
    absl::StrAppendFormat(&svg_,
                          "<text class=\"label\" transform=\"translate(11 %.1f) rotate(-90)\" "
                          "text-anchor=\"middle\">%s</text>\n",
                          kTop + kPlotHeight / 2, EscapeMarkup(frame_.y_label));
  }

  const PlotFrame& frame_;
  std::string svg_;
};

// The points in the units of the view box, without those that nobody could see.
std::string Path(const Canvas& canvas, const std::vector<CurvePoint>& points) {
  std::string path;
  double last_x = 0;
  double last_y = 0;
  for (size_t i = 0; i < points.size(); ++i) {
    const double x = canvas.X(points[i].x);
    const double y = canvas.Y(points[i].y);
    const bool ends = i == 0 || i + 1 == points.size();
    if (!ends && std::hypot(x - last_x, y - last_y) < kLeastStep) continue;
    absl::StrAppendFormat(&path, "%s%.1f %.1f", i == 0 ? "M" : "L", x, y);
    last_x = x;
    last_y = y;
  }
  if (points.size() == 1) path += "h0";  // which round ends make a dot
  return path;
}

// Entries from left to right under the axis label; each begins where `swatch` draws 22 units.
class Legend {
 public:
  explicit Legend(Canvas& canvas) : canvas_(canvas) {}

  template <typename Swatch>
  void Add(absl::string_view label, Swatch swatch) {
    constexpr double kY = kHeight - 12;
    canvas_.Append(swatch(x_, kY - 3.5));
    canvas_.Text("legend", x_ + 26, kY, "start", label);
    x_ += 38 + 5.6 * static_cast<double>(label.size());
  }

 private:
  Canvas& canvas_;
  double x_ = kLeft;
};

std::vector<double> Shares(const std::vector<double>& values) {
  std::vector<double> shares(kBins, 0.0);
  for (const double value : values) {
    const auto bin = static_cast<size_t>(std::clamp(value, 0.0, 1.0) * static_cast<double>(kBins));
    shares[std::min(bin, kBins - 1)] += 1.0 / static_cast<double>(values.size());
  }
  return shares;
}

// A closed outline over the bins.
std::string Bars(const Canvas& canvas, const std::vector<double>& shares) {
  std::string path = absl::StrFormat("M%.1f %.1f", canvas.X(0), canvas.Y(0));
  for (size_t bin = 0; bin < kBins; ++bin) {
    absl::StrAppendFormat(&path, "V%.1fH%.1f", canvas.Y(shares[bin]),
                          canvas.X(static_cast<double>(bin + 1) / static_cast<double>(kBins)));
  }
  absl::StrAppendFormat(&path, "V%.1fZ", canvas.Y(0));
  return path;
}

// The least of 0.1, 0.2, 0.5, 1 that is not below `value`.
double NiceTop(double value) {
  for (const double top : {0.1, 0.2, 0.5}) {
    if (value <= top) return top;
  }
  return 1.0;
}

}  // namespace

std::string EscapeMarkup(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&#39;"}});
}

std::string CurvePlot(const PlotFrame& frame, const std::vector<PlotSeries>& series, bool chance) {
  Canvas canvas(frame);
  if (chance) {
    canvas.Append(absl::StrFormat("<path class=\"chance\" d=\"M%.1f %.1fL%.1f %.1f\"/>\n", canvas.X(0), canvas.Y(0),
                                  canvas.X(frame.x_max), canvas.Y(frame.y_max)));
  }
  Legend legend(canvas);
  bool empty = true;
  for (size_t i = 0; i < series.size(); ++i) {
    if (series[i].points.empty()) continue;
    empty = false;
    canvas.Append(absl::StrFormat("<path class=\"line-%d\" d=\"%s\"/>\n", i, Path(canvas, series[i].points)));
    legend.Add(series[i].label, [&](double x, double y) {
      return absl::StrFormat("<path class=\"line-%d\" d=\"M%.1f %.1fh22\"/>\n", i, x, y);
    });
  }
  if (empty) canvas.Text("none", kLeft + kPlotWidth / 2, kTop + kPlotHeight / 2, "middle", "undefined");
  return std::move(canvas).Finish();
}

std::string HistogramPlot(const PlotFrame& frame, const std::vector<double>& normal,
                          const std::vector<double>& anomalous) {
  const std::vector<double> below = Shares(normal);
  const std::vector<double> above = Shares(anomalous);
  PlotFrame scaled = frame;
  scaled.y_max =
      NiceTop(std::max(*std::max_element(below.begin(), below.end()), *std::max_element(above.begin(), above.end())));
  Canvas canvas(scaled);
  Legend legend(canvas);
  const auto draw = [&](int i, const std::vector<double>& shares, absl::string_view name, size_t count) {
    if (count == 0) return;
    canvas.Append(absl::StrFormat("<path class=\"bar-%d\" d=\"%s\"/>\n", i, Bars(canvas, shares)));
    legend.Add(absl::StrCat(name, " (", count, ")"), [&](double x, double y) {
      return absl::StrFormat("<path class=\"bar-%d\" d=\"M%.1f %.1fh22v9h-22z\"/>\n", i, x, y - 5);
    });
  };
  draw(0, below, "normal", normal.size());
  draw(1, above, "anomalous", anomalous.size());
  return std::move(canvas).Finish();
}

}  // namespace bayespfl
