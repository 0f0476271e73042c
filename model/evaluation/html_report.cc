#include "model/evaluation/html_report.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/html_page.h"
#include "model/evaluation/metric_columns.h"
#include "model/evaluation/report.h"
#include "model/evaluation/seed_spread.h"
#include "model/evaluation/svg_plot.h"

namespace bayespfl {
namespace {

std::string Anchor(size_t category) { return absl::StrCat("category-", category + 1); }

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
  return absl::StrCat("<figure>", InlineJpeg(item.image, jpeg), "\n<figcaption>", EscapeMarkup(kind), " <span>",
                      EscapeMarkup(FileName(item.image)), "</span><div>", ScoreLine("image", picture.image_score),
                      ScoreLine("score", picture.score), ScoreLine("map_score", picture.map_score),
                      "</div></figcaption></figure>\n");
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
  std::string html = absl::StrCat(Element("h1", "", title), "\n", FactList(ReportFacts(evaluation)));
  for (const MetricTable& table : MetricTables()) absl::StrAppend(&html, SummaryTable(table, evaluation.categories));
  if (evaluation.over_seeds.has_value()) absl::StrAppend(&html, SpreadTables(*evaluation.over_seeds));
  absl::StrAppend(&html, NoteList(evaluation), SkippedTable(evaluation.pictures));
  for (size_t i = 0; i < evaluation.categories.size(); ++i) {
    absl::StrAppend(&html, CategorySection(evaluation, i, i < galleries.size() ? &galleries[i] : nullptr));
  }
  return HtmlPage(title, html);
}

}  // namespace bayespfl
