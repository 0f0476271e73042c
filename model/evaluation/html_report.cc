#include "model/evaluation/html_report.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/metric_columns.h"
#include "model/evaluation/report.h"
#include "model/evaluation/seed_spread.h"
#include "model/evaluation/svg_plot.h"

namespace bayespfl {
namespace {

// Series colours are Okabe and Ito's, which stay apart with every kind of colour blindness.
constexpr absl::string_view kStyle = R"css(
:root { color-scheme: light dark; --ink: #1c1f23; --faint: #626a73; --paper: #ffffff; --panel: #f6f7f8; --rule: #d9dde1;
  --grid: #e8eaed; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ea; --faint: #9aa3ad; --paper: #15181b; --panel: #1d2125;
  --rule: #373d44; --grid: #2a2f35; --c0: #56b4e9; --c1: #e69f00; --c2: #2ec495; } }
@media print { :root { color-scheme: light; --ink: #000000; --faint: #444444; --paper: #ffffff; --panel: #ffffff;
  --rule: #bbbbbb; --grid: #e4e4e4; --c0: #0072b2; --c1: #d55e00; --c2: #009e73; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink); font: 15px/1.5 system-ui, "DejaVu Sans", sans-serif; }
main { max-width: 1360px; margin: 0 auto; padding: 28px 24px 60px; }
h1 { font-size: 26px; line-height: 1.25; margin: 0 0 16px; overflow-wrap: anywhere; }
h2 { font-size: 20px; margin: 40px 0 10px; padding-bottom: 4px; border-bottom: 1px solid var(--rule);
  overflow-wrap: anywhere; }
h3 { font-size: 14px; margin: 20px 0 8px; font-weight: 600; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 18px; margin: 0; font-size: 14px; }
dt { color: var(--faint); }
dd { margin: 0; overflow-wrap: anywhere; }
.digest { font: 12px/1.7 ui-monospace, "DejaVu Sans Mono", monospace; color: var(--faint); }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 13.5px; font-variant-numeric: tabular-nums; width: 100%; }
th, td { padding: 4px 7px; text-align: right; white-space: nowrap; }
th { font-weight: 600; }
thead tr:last-child th { border-bottom: 1px solid var(--ink); }
th.group { text-align: center; border-bottom: 1px solid var(--rule); }
.first { border-left: 1px solid var(--rule); }
.name { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 9em; font-weight: normal; }
thead .name { font-weight: 600; }
tbody tr:nth-child(even) { background: var(--panel); }
tfoot td, tfoot th.name { border-top: 1px solid var(--ink); font-weight: 600; }
ul { padding-left: 20px; margin: 8px 0; font-size: 14px; max-width: 980px; }
li { margin: 4px 0; }
a { color: var(--c0); }
.counts { color: var(--faint); margin: 0 0 10px; font-size: 14px; }
.plots { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
.plot { width: 100%; height: auto; display: block; background: var(--panel); border-radius: 6px; }
.plot text { fill: var(--ink); font-size: 11px; }
.plot .title { font-size: 13px; font-weight: 600; }
.plot .tick, .plot .none { fill: var(--faint); font-size: 10px; }
.plot .grid { stroke: var(--grid); fill: none; }
.plot .axis { stroke: var(--faint); fill: none; }
.plot .chance { stroke: var(--faint); fill: none; stroke-dasharray: 2 4; }
.line-0, .line-1, .line-2 { fill: none; stroke-width: 2; stroke-linejoin: round; }
.line-0 { stroke: var(--c0); }
.line-1 { stroke: var(--c1); stroke-dasharray: 7 3; }
.line-2 { stroke: var(--c2); stroke-dasharray: 2 2.5; }
.bar-0 { fill: var(--c0); fill-opacity: 0.45; stroke: var(--c0); }
.bar-1 { fill: url(#hatch); stroke: var(--c1); stroke-width: 1.6; }
.hatch { stroke: var(--c1); stroke-width: 1.6; }
.strip { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px; }
figure { margin: 0; background: var(--panel); border-radius: 6px; overflow: hidden; }
figure img { display: block; width: 100%; height: 216px; object-fit: contain; }
figcaption { padding: 5px 8px 7px; font-size: 12px; line-height: 1.4; font-variant-numeric: tabular-nums;
  overflow-wrap: anywhere; }
figcaption span { color: var(--faint); }
figcaption b { font-weight: normal; white-space: nowrap; }
figcaption div { display: flex; flex-wrap: wrap; column-gap: 12px; }
.hidden { position: absolute; width: 0; height: 0; }
@media (max-width: 900px) { .plots, .strip { grid-template-columns: repeat(2, 1fr); } }
@media print { @page { size: A4 landscape; margin: 12mm; } main { max-width: none; padding: 0; }
  body { font-size: 11px; } table { font-size: 10px; } section { break-before: page; }
  figure, .plot, tr { break-inside: avoid; } h2, h3 { break-after: avoid; } figure img { height: 150px; }
  .bar-0, figure img, tbody tr { print-color-adjust: exact; } }
)css";

// The pattern of anomalous bars; one for all plots of the page.
constexpr absl::string_view kHatch =
    "<svg class=\"hidden\" aria-hidden=\"true\"><defs><pattern id=\"hatch\" width=\"6\" height=\"6\" "
    "patternUnits=\"userSpaceOnUse\" patternTransform=\"rotate(45)\"><path class=\"hatch\" d=\"M0 0V6\"/></pattern>"
    "</defs></svg>\n";

std::string Element(absl::string_view tag, absl::string_view css, absl::string_view text) {
  const std::string attribute = css.empty() ? "" : absl::StrCat(" class=\"", css, "\"");
  return absl::StrCat("<", tag, attribute, ">", EscapeMarkup(text), "</", tag, ">");
}

std::string Anchor(size_t category) { return absl::StrCat("category-", category + 1); }

std::string FactList(const Evaluation& evaluation) {
  std::string html = "<dl>\n";
  for (const auto& [name, value] : ReportFacts(evaluation)) {
    const bool digest = name.ends_with("digest");
    absl::StrAppend(&html, Element("dt", "", name), Element("dd", digest ? "digest" : "", value), "\n");
  }
  return absl::StrCat(html, "</dl>\n");
}

// ---------------------------------------------------------------------------------------------- tables

constexpr absl::string_view kCountHeads = "<th rowspan=\"2\">Normal</th><th rowspan=\"2\">Anom.</th>";

bool BeginsGroup(const MetricTable& table, size_t i) {
  return i == 0 || table.columns[i].group != table.columns[i - 1].group;
}

// `counts`: the headings of what stands between the name and the numbers.
std::string TableHead(const MetricTable& table, absl::string_view counts) {
  std::string groups = absl::StrCat("<tr><th class=\"name\" rowspan=\"2\">Category</th>", counts);
  std::string titles = "<tr>";
  for (size_t i = 0; i < table.columns.size(); ++i) {
    const MetricColumn& column = table.columns[i];
    if (BeginsGroup(table, i)) {
      const auto same = [&](const MetricColumn& other) { return other.group == column.group; };
      absl::StrAppend(&groups, "<th class=\"group first\" colspan=\"",
                      std::count_if(table.columns.begin(), table.columns.end(), same), "\">",
                      EscapeMarkup(column.group), "</th>");
    }
    absl::StrAppend(&titles, Element("th", BeginsGroup(table, i) ? "first" : "", column.title));
  }
  return absl::StrCat("<thead>", groups, "</tr>\n", titles, "</tr></thead>\n");
}

template <typename Value>
std::string NumberCells(const MetricTable& table, Value value) {
  std::string html;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    absl::StrAppend(&html, Element("td", BeginsGroup(table, i) ? "first" : "", Percent(value(table.columns[i]))));
  }
  return html;
}

std::string SummaryTable(const MetricTable& table, const std::vector<CategoryResult>& categories) {
  std::string html = absl::StrCat(Element("h2", "", table.title), "\n<div class=\"scroll\"><table>\n",
                                  TableHead(table, kCountHeads), "<tbody>\n");
  for (size_t i = 0; i < categories.size(); ++i) {
    const CategoryResult& category = categories[i];
    absl::StrAppend(&html, "<tr><th class=\"name\"><a href=\"#", Anchor(i), "\">", EscapeMarkup(category.name),
                    "</a></th>", Element("td", "", absl::StrCat(category.normal)),
                    Element("td", "", absl::StrCat(category.anomalous)),
                    NumberCells(table, [&](const MetricColumn& column) { return column.value(category); }), "</tr>\n");
  }
  return absl::StrCat(html, "</tbody>\n<tfoot><tr><th class=\"name\">Mean</th><td></td><td></td>",
                      NumberCells(table, [&](const MetricColumn& column) { return MeanOf(column, categories); }),
                      "</tr></tfoot>\n</table></div>\n");
}

std::string SpreadTable(const MetricTable& table, const std::vector<std::optional<SpreadNumber>>& mean) {
  std::string cells;
  for (size_t i = 0; i < mean.size(); ++i) {
    absl::StrAppend(&cells, Element("td", BeginsGroup(table, i) ? "first" : "", SpreadText(mean[i])));
  }
  return absl::StrCat("<div class=\"scroll\"><table>\n", TableHead(table, ""),
                      "<tbody><tr><th class=\"name\">Mean of the categories</th>", cells,
                      "</tr></tbody>\n</table></div>\n");
}

std::string SpreadTables(const SeedSpread& spread) {
  std::string html = absl::StrCat("<h2>Over the seeds ", SeedList(spread), ": mean ± standard deviation</h2>\n");
  for (size_t i = 0; i < MetricTables().size(); ++i) {
    absl::StrAppend(&html, SpreadTable(MetricTables()[i], spread.mean.numbers[i]));
  }
  return html;
}

std::string NoteList(const Evaluation& evaluation) {
  std::string html = "<h2>Reading the numbers</h2>\n<ul>\n";
  for (const std::string& note : ReportNotes(evaluation)) absl::StrAppend(&html, Element("li", "", note), "\n");
  return absl::StrCat(html, "</ul>\n");
}

std::string SkippedTable(const std::vector<PictureResult>& pictures) {
  std::string rows;
  for (const PictureResult& picture : pictures) {
    if (picture.counts()) continue;
    absl::StrAppend(&rows, "<tr>", Element("td", "name", picture.item.image), Element("td", "name", picture.skipped),
                    "</tr>\n");
  }
  if (rows.empty()) return "";
  return absl::StrCat(
      "<h2>Skipped pictures</h2>\n<table>\n<thead><tr><th class=\"name\">Picture</th>"
      "<th class=\"name\">Reason</th></tr></thead>\n<tbody>\n",
      rows, "</tbody></table>\n");
}

// ---------------------------------------------------------------------------------------------- plots

// One value of the pictures of a category and a class.
template <typename Value>
std::vector<double> Values(const Evaluation& evaluation, const std::string& category, bool anomalous, Value value) {
  std::vector<double> values;
  for (const PictureResult& picture : evaluation.pictures) {
    if (picture.counts() && picture.item.category == category && picture.item.anomalous == anomalous) {
      values.push_back(value(picture));
    }
  }
  return values;
}

template <typename Value>
std::string ScoreHistogram(const Evaluation& evaluation, const CategoryResult& category, const std::string& title,
                           Value value) {
  return HistogramPlot({.title = title, .x_label = "score", .y_label = "share of the class"},
                       Values(evaluation, category.name, false, value), Values(evaluation, category.name, true, value));
}

std::vector<PlotSeries> ImageSeries(const CategoryResult& category, std::vector<CurvePoint> RankingMetrics::* curve) {
  return {{"image score", category.reference.image.*curve},
          {"score", category.server.by_score.*curve},
          {"map_score", category.server.by_map_score.*curve}};
}

// The maps' two smoothings; one series when they are the same.
std::vector<PlotSeries> PixelSeries(const Evaluation& evaluation, const std::vector<CurvePoint>& reference,
                                    const std::vector<CurvePoint>& server) {
  const float sigma = evaluation.setting.model.map_smoothing_sigma;
  if (sigma == kReferenceSigma) return {{"sigma 8", reference}};
  return {{"sigma 8 (reference)", reference}, {absl::StrFormat("sigma %g (server)", sigma), server}};
}

std::string ImagePlots(const Evaluation& evaluation, const CategoryResult& category) {
  return absl::StrCat(
      CurvePlot({.title = "ROC, images", .x_label = "false positive rate", .y_label = "true positive rate"},
                ImageSeries(category, &RankingMetrics::roc), /*chance=*/true),
      CurvePlot({.title = "Precision and recall, images", .x_label = "recall", .y_label = "precision"},
                ImageSeries(category, &RankingMetrics::precision_recall), /*chance=*/false),
      ScoreHistogram(evaluation, category, "Image score (reference)",
                     [](const PictureResult& picture) { return picture.image_score; }),
      ScoreHistogram(evaluation, category, "score (server)",
                     [](const PictureResult& picture) { return double{picture.score}; }));
}

std::string PixelPlots(const Evaluation& evaluation, const CategoryResult& category) {
  const PixelMetrics& reference = category.reference.pixel;
  const PixelMetrics& server = category.server.pixel;
  return absl::StrCat(
      CurvePlot({.title = "ROC, pixels", .x_label = "false positive rate", .y_label = "true positive rate"},
                PixelSeries(evaluation, reference.ranking.roc, server.ranking.roc), /*chance=*/true),
      CurvePlot({.title = "Precision and recall, pixels", .x_label = "recall", .y_label = "precision"},
                PixelSeries(evaluation, reference.ranking.precision_recall, server.ranking.precision_recall),
                /*chance=*/false),
      CurvePlot(
          {.title = "Per-region overlap", .x_label = "false positive rate", .y_label = "mean overlap", .x_max = 0.3},
          PixelSeries(evaluation, reference.pro, server.pro), /*chance=*/false));
}

// ---------------------------------------------------------------------------------------------- categories

std::string FileName(const std::string& path) { return std::filesystem::path(path).filename().string(); }

// Keeps a number beside its name where the line breaks.
std::string ScoreLine(absl::string_view name, double value) {
  return absl::StrFormat("<b><span>%s</span> %.3f</b>", name, value);
}

std::string Figure(const PictureResult& picture, const std::string& jpeg) {
  const DatasetItem& item = picture.item;
  const std::string kind = !item.anomalous ? "normal" : item.defect.empty() ? "anomalous" : item.defect;
  return absl::StrCat("<figure><img alt=\"", EscapeMarkup(item.image), "\" title=\"", EscapeMarkup(item.image),
                      "\" src=\"data:image/jpeg;base64,", absl::Base64Escape(jpeg), "\">\n<figcaption>",
                      EscapeMarkup(kind), " <span>", EscapeMarkup(FileName(item.image)), "</span><div>",
                      ScoreLine("image", picture.image_score), ScoreLine("score", picture.score),
                      ScoreLine("map_score", picture.map_score), "</div></figcaption></figure>\n");
}

std::string Strips(const Evaluation& evaluation, const CategoryResult& category, const Gallery& gallery) {
  std::string html;
  for (const GalleryStrip& strip : gallery.strips) {
    absl::StrAppend(&html, Element("h3", "", strip.title), "\n<div class=\"strip\">\n");
    for (const GalleryPicture& picture : strip.pictures) {
      absl::StrAppend(&html, Figure(evaluation.pictures[picture.index], picture.jpeg));
    }
    absl::StrAppend(&html, "</div>\n");
  }
  if (html.empty()) return html;
  return absl::StrCat(
      html, "<p class=\"counts\">Colours span ", absl::StrFormat("%.3f to %.3f", category.map_low, category.map_high),
      ", the range of this category's maps; the line is the ground truth. \"image\" is the reference's image "
      "score, \"score\" and \"map_score\" are the server's.</p>\n");
}

std::string CategorySection(const Evaluation& evaluation, size_t i, const Gallery* gallery) {
  const CategoryResult& category = evaluation.categories[i];
  const PixelMetrics& pixels = category.server.pixel;
  std::string counts =
      absl::StrCat(category.normal, " normal, ", category.anomalous, " anomalous, ", category.skipped, " skipped");
  if (pixels.regions > 0) {
    absl::StrAppend(&counts, "; ", pixels.regions, " anomalous regions, ",
                    Percent(static_cast<double>(pixels.positive_pixels) / static_cast<double>(pixels.pixels)),
                    " % of the pixels");
  }
  return absl::StrCat("<section id=\"", Anchor(i), "\">\n", Element("h2", "", category.name), "\n",
                      Element("p", "counts", counts), "\n<div class=\"plots\">\n", ImagePlots(evaluation, category),
                      evaluation.image_only ? "" : PixelPlots(evaluation, category),
                      ScoreHistogram(evaluation, category, "map_score (server)",
                                     [](const PictureResult& picture) { return double{picture.map_score}; }),
                      "</div>\n", gallery == nullptr ? "" : Strips(evaluation, category, *gallery), "</section>\n");
}

}  // namespace

std::string HtmlReport(const Evaluation& evaluation, const std::vector<Gallery>& galleries) {
  const std::string title = absl::StrCat(evaluation.setting.model.name, " on ", evaluation.dataset_name);
  std::string html = absl::StrCat("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n",
                                  "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
                                  Element("title", "", title), "\n<style>", kStyle, "</style>\n</head>\n<body>\n",
                                  kHatch, "<main>\n", Element("h1", "", title), "\n", FactList(evaluation));
  for (const MetricTable& table : MetricTables()) absl::StrAppend(&html, SummaryTable(table, evaluation.categories));
  if (evaluation.over_seeds.has_value()) absl::StrAppend(&html, SpreadTables(*evaluation.over_seeds));
  absl::StrAppend(&html, NoteList(evaluation), SkippedTable(evaluation.pictures));
  for (size_t i = 0; i < evaluation.categories.size(); ++i) {
    absl::StrAppend(&html, CategorySection(evaluation, i, i < galleries.size() ? &galleries[i] : nullptr));
  }
  return absl::StrCat(html, "</main>\n</body>\n</html>\n");
}

}  // namespace bayespfl
