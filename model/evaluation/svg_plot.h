// Small plots as inline SVG: axes, ticks, labels, a legend; no scripts, no fonts of their own.
//
// Colours come from the page's style sheet: `.plot .axis`, `.grid`, `.tick`, `.label` and, for series i, `.line-i` and
// `.bar-i`. Series also differ in their dashes, so that they can be told apart without colour.
#ifndef BAYESPFL_MODEL_EVALUATION_SVG_PLOT_H_
#define BAYESPFL_MODEL_EVALUATION_SVG_PLOT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "model/evaluation/curve.h"

namespace bayespfl {

// Between the ticks of an axis, from one end to the other.
inline constexpr int kPlotIntervals = 5;

// Everything is escaped where it enters the markup.
struct PlotFrame {
  std::string title;
  std::string x_label;
  std::string y_label;
  double x_max = 1;  // > 0; the axis begins at 0
  double y_max = 1;  // > y_min
  double y_min = 0;
};

struct PlotSeries {
  std::string label;
  std::vector<CurvePoint> points;
};

// Up to three curves. `chance`: a dashed diagonal. Points closer than a tenth of a pixel to the last one drawn are left
// out. Series without points are left out of the legend; without any the frame says "undefined".
std::string CurvePlot(const PlotFrame& frame, const std::vector<PlotSeries>& series, bool chance);

// Two histograms of values in 0..1, drawn over each other: `normal` as filled bars, `anomalous` as an outlined, hatched
// one. Heights are shares of their own class, so that classes of different size compare.
std::string HistogramPlot(const PlotFrame& frame, const std::vector<double>& normal,
                          const std::vector<double>& anomalous);

// `text` for HTML and SVG, in element content and in quoted attributes.
std::string EscapeMarkup(absl::string_view text);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_SVG_PLOT_H_
