#include "model/training_log/training_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <tuple>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/html_page.h"
#include "model/evaluation/svg_plot.h"

namespace bayespfl {
namespace {

struct Column {
  absl::string_view title;
  double (*value)(const EpochRecord&);
  std::array<bool, 3> stages = {true, true, true};  // which of 0 (the towers'), 1 and 2 have it

  [[nodiscard]] bool Has(const EpochRecord& epoch) const { return stages[static_cast<size_t>(epoch.stage)]; }
  [[nodiscard]] bool HasAny(const std::vector<EpochRecord>& epochs) const {
    return std::any_of(epochs.begin(), epochs.end(), [this](const EpochRecord& epoch) { return Has(epoch); });
  }
};

constexpr std::array<bool, 3> kNotStage2 = {true, true, false};
constexpr std::array<bool, 3> kStage0 = {true, false, false};

constexpr Column kTotal = {"total", [](const EpochRecord& epoch) { return epoch.loss.total; }};
constexpr Column kCrossEntropy = {"cross entropy", [](const EpochRecord& epoch) { return epoch.loss.cross_entropy; }};
constexpr Column kFocal = {"focal", [](const EpochRecord& epoch) { return epoch.loss.focal; }, kNotStage2};
constexpr Column kDice = {"dice", [](const EpochRecord& epoch) { return epoch.loss.dice; }, kNotStage2};
constexpr Column kKl = {"KL", [](const EpochRecord& epoch) { return epoch.loss.kl; }, kNotStage2};
constexpr Column kOrthogonality = {"orthogonality", [](const EpochRecord& epoch) { return epoch.loss.orthogonality; },
                                   kNotStage2};
constexpr Column kAuxiliary = {"auxiliary", [](const EpochRecord& epoch) { return epoch.loss.auxiliary; }, kStage0};
constexpr Column kCaptions = {"captions", [](const EpochRecord& epoch) { return epoch.loss.captions; }, kStage0};
constexpr Column kDistillation = {"distillation", [](const EpochRecord& epoch) { return epoch.loss.distillation; },
                                  kStage0};
constexpr Column kPixelAp = {"pixel AP", [](const EpochRecord& epoch) { return epoch.validation.pixel_ap; }};
constexpr Column kImageAp = {"image AP", [](const EpochRecord& epoch) { return epoch.validation.image_ap; }};

// Those that some epoch has are shown.
const std::vector<Column>& Columns() {
  static const auto* const columns =
      new std::vector<Column>{kTotal,     kCrossEntropy, kFocal,        kDice,    kKl,     kOrthogonality,
                              kAuxiliary, kCaptions,     kDistillation, kPixelAp, kImageAp};
  return *columns;
}

std::vector<PlotSeries> SeriesOf(const std::vector<EpochRecord>& epochs, const std::vector<Column>& columns) {
  std::vector<PlotSeries> series;
  for (const Column& column : columns) {
    series.push_back({std::string(column.title), {}});
    for (const EpochRecord& epoch : epochs) {
      const double value = column.value(epoch);
      if (column.Has(epoch) && std::isfinite(value))
        series.back().points.push_back({static_cast<double>(epoch.epoch), value});
    }
  }
  return series;
}

// The axis of epochs: its five ticks are at whole ones.
double LastTick(const std::vector<EpochRecord>& epochs) {
  if (epochs.empty()) return kPlotIntervals;
  return kPlotIntervals * std::ceil(static_cast<double>(epochs.back().epoch) / kPlotIntervals);
}

// Ends of an axis that holds both values and whose ticks are short numbers: whole multiples of 1, 2 or 5 times a power
// of ten. `low` < `high`.
std::pair<double, double> RoundEnds(double low, double high) {
  double power = std::pow(10, std::floor(std::log10((high - low) / kPlotIntervals)));
  for (;; power *= 10) {
    for (const double step : {power, 2 * power, 5 * power}) {
      const double first = std::floor(low / step);
      if ((first + kPlotIntervals) * step >= high) return {first * step, (first + kPlotIntervals) * step};
    }
  }
}

// A frame that shows every point, and 0.
PlotFrame FrameAround(const std::vector<PlotSeries>& series, absl::string_view title, double last_tick) {
  PlotFrame frame{.title = std::string(title), .x_label = "epoch", .y_label = "loss", .x_max = last_tick, .y_max = 0};
  for (const PlotSeries& one : series) {
    for (const CurvePoint& point : one.points) {
      frame.y_max = std::max(frame.y_max, point.y);
      frame.y_min = std::min(frame.y_min, point.y);
    }
  }
  if (frame.y_max - frame.y_min < 1e-30) frame.y_max = frame.y_min + 1;
  std::tie(frame.y_min, frame.y_max) = RoundEnds(frame.y_min, frame.y_max);
  return frame;
}

std::string LossPlot(const std::vector<EpochRecord>& epochs, absl::string_view title,
                     const std::vector<Column>& columns) {
  const std::vector<PlotSeries> series = SeriesOf(epochs, columns);
  return CurvePlot(FrameAround(series, title, LastTick(epochs)), series, /*chance=*/false);
}

std::string Plots(const std::vector<EpochRecord>& epochs) {
  const PlotFrame validation{
      .title = "Validation", .x_label = "epoch", .y_label = "average precision", .x_max = LastTick(epochs)};
  return absl::StrCat(
      "<h2>Curves</h2>\n<div class=\"plots\">\n", LossPlot(epochs, "Loss", {kTotal, kCrossEntropy}),
      LossPlot(epochs, "Of the maps", {kFocal, kDice}), LossPlot(epochs, "Of the prompts", {kKl, kOrthogonality}),
      kAuxiliary.HasAny(epochs) ? LossPlot(epochs, "Of the towers", {kAuxiliary, kCaptions, kDistillation}) : "",
      CurvePlot(validation, SeriesOf(epochs, {kPixelAp, kImageAp}), /*chance=*/false), "</div>\n");
}

std::string EpochTable(const std::vector<EpochRecord>& epochs) {
  std::string html = "<h2>Epochs</h2>\n<div class=\"scroll\"><table>\n<thead><tr>";
  for (const absl::string_view title : {"epoch", "stage"}) absl::StrAppend(&html, Element("th", "", title));
  for (const Column& column : Columns()) {
    if (column.HasAny(epochs)) absl::StrAppend(&html, Element("th", "", column.title));
  }
  absl::StrAppend(&html, Element("th", "", "kept"), "</tr></thead>\n<tbody>\n");
  for (const EpochRecord& epoch : epochs) {
    absl::StrAppend(&html, "<tr>", Element("td", "", absl::StrCat(epoch.epoch)),
                    Element("td", "", absl::StrCat(epoch.stage)));
    for (const Column& column : Columns()) {
      if (!column.HasAny(epochs)) continue;
      absl::StrAppend(&html, Element("td", "", column.Has(epoch) ? absl::StrFormat("%.4f", column.value(epoch)) : ""));
    }
    absl::StrAppend(&html, Element("td", "", epoch.kept ? "best so far" : ""), "</tr>\n");
  }
  return absl::StrCat(html, "</tbody></table></div>\n");
}

std::string Notes(const std::vector<std::string>& notes) {
  if (notes.empty()) return "";
  std::string html = "<h2>To know</h2>\n<ul>\n";
  for (const std::string& note : notes) absl::StrAppend(&html, Element("li", "", note), "\n");
  return absl::StrCat(html, "</ul>\n");
}

std::string Pictures(const std::vector<ReportPicture>& pictures) {
  if (pictures.empty()) return "";
  std::string html = "<h2>What the trained model sees</h2>\n<div class=\"strip\">\n";
  for (const ReportPicture& picture : pictures) {
    absl::StrAppend(&html, "<figure>", InlineJpeg(picture.caption, picture.jpeg), "\n",
                    Element("figcaption", "", picture.caption), "</figure>\n");
  }
  return absl::StrCat(html, "</div>\n");
}

}  // namespace

std::string TrainingReportHtml(const TrainingReport& report) {
  return HtmlPage(report.title,
                  absl::StrCat(Element("h1", "", report.title), "\n", FactList(report.facts), Notes(report.notes),
                               Plots(report.epochs), EpochTable(report.epochs), Pictures(report.pictures)));
}

}  // namespace bayespfl
