#include "model/evaluation/report.h"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/csv.h"
#include "base/files.h"
#include "model/evaluation/html_report.h"
#include "model/evaluation/metric_columns.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

using Json = nlohmann::ordered_json;

constexpr absl::string_view kMeanTitle = "mean";

struct Counts {
  int64_t normal = 0;
  int64_t anomalous = 0;
  int64_t skipped = 0;
};

Counts Count(const std::vector<PictureResult>& pictures) {
  Counts counts;
  for (const PictureResult& picture : pictures) {
    ++(!picture.counts() ? counts.skipped : picture.item.anomalous ? counts.anomalous : counts.normal);
  }
  return counts;
}

// Categories of which not one picture counts: they have no row.
std::vector<std::string> EmptyCategories(const Evaluation& evaluation) {
  std::set<std::string> names;
  for (const PictureResult& picture : evaluation.pictures) names.insert(picture.item.category);
  for (const CategoryResult& category : evaluation.categories) names.erase(category.name);
  return {names.begin(), names.end()};
}

// ---------------------------------------------------------------------------------------------- Markdown

// `text` in a table cell or a paragraph of Markdown, on one line.
std::string EscapeMarkdown(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"\\", "\\\\"},
                                    {"|", "\\|"},
                                    {"*", "\\*"},
                                    {"`", "\\`"},
                                    {"[", "\\["},
                                    {"]", "\\]"},
                                    {"&", "&amp;"},
                                    {"<", "&lt;"},
                                    {">", "&gt;"},
                                    {"\n", " "},
                                    {"\r", " "}});
}

std::string MarkdownRow(const std::vector<std::string>& cells) {
  return absl::StrCat("| ", absl::StrJoin(cells, " | "), " |\n");
}

std::string MarkdownTable(const MetricTable& table, const std::vector<CategoryResult>& categories) {
  std::vector<std::string> head = {"category", "normal", "anomalous"};
  std::vector<std::string> rule = {"---", "---:", "---:"};
  std::vector<std::string> mean = {absl::StrCat("**", kMeanTitle, "**"), "", ""};
  for (const MetricColumn& column : table.columns) {
    head.push_back(absl::StrCat(column.group, " ", column.title));
    rule.emplace_back("---:");
    mean.push_back(absl::StrCat("**", Percent(MeanOf(column, categories)), "**"));
  }
  std::string text = absl::StrCat("## ", table.title, "\n\n", MarkdownRow(head), MarkdownRow(rule));
  for (const CategoryResult& category : categories) {
    std::vector<std::string> row = {EscapeMarkdown(category.name), absl::StrCat(category.normal),
                                    absl::StrCat(category.anomalous)};
    for (const MetricColumn& column : table.columns) row.push_back(Percent(column.value(category)));
    absl::StrAppend(&text, MarkdownRow(row));
  }
  return absl::StrCat(text, MarkdownRow(mean), "\n");
}

std::string MarkdownSkipped(const std::vector<PictureResult>& pictures) {
  std::string rows;
  for (const PictureResult& picture : pictures) {
    if (picture.counts()) continue;
    absl::StrAppend(&rows, MarkdownRow({EscapeMarkdown(picture.item.image), EscapeMarkdown(picture.skipped)}));
  }
  if (rows.empty()) return "";
  return absl::StrCat("\n## Skipped pictures\n\n", MarkdownRow({"picture", "reason"}), MarkdownRow({"---", "---"}),
                      rows);
}

// ---------------------------------------------------------------------------------------------- JSON

Json ToJson(std::optional<double> value) { return value.has_value() ? Json(*value) : Json(nullptr); }

Json CategoryJson(const CategoryResult& category) {
  Json object = {{"name", category.name},
                 {"normal", category.normal},
                 {"anomalous", category.anomalous},
                 {"skipped", category.skipped}};
  for (const MetricTable& table : MetricTables()) {
    Json numbers = Json::object();
    for (const MetricColumn& column : table.columns) {
      numbers[std::string(column.key)] = ToJson(column.value(category));
    }
    object[std::string(table.key)] = std::move(numbers);
  }
  object["reference"]["image_numbers_set_to_zero"] = category.reference.image_is_zero;
  const PixelMetrics& pixels = category.server.pixel;
  object["f1_max_thresholds"] = {{"reference_image", category.reference.image.f1_threshold},
                                 {"reference_pixel", category.reference.pixel.ranking.f1_threshold},
                                 {"server_score", category.server.by_score.f1_threshold},
                                 {"server_map_score", category.server.by_map_score.f1_threshold},
                                 {"server_pixel", pixels.ranking.f1_threshold}};
  object["pixels"] = {
      {"all", pixels.pixels}, {"anomalous", pixels.positive_pixels}, {"anomalous_regions", pixels.regions}};
  return object;
}

Json MeanJson(const std::vector<CategoryResult>& categories) {
  Json object;
  for (const MetricTable& table : MetricTables()) {
    Json numbers;
    for (const MetricColumn& column : table.columns) {
      numbers[std::string(column.key)] = ToJson(MeanOf(column, categories));
    }
    object[std::string(table.key)] = std::move(numbers);
  }
  return object;
}

Json ModelJson(const ModelInfo& model) {
  return {{"name", model.name},
          {"version", model.version},
          {"digest", model.digest},
          {"stage", model.stage},
          {"image_size", model.image_size},
          {"map_smoothing_sigma", model.map_smoothing_sigma},
          {"mask_threshold", model.default_thresholds.mask},
          {"mask_threshold_source", ThresholdSourceName(model.default_thresholds.source)},
          {"iad_sampling", model.iad_sampling},
          {"device", model.device}};
}

Json DatasetJson(const Evaluation& evaluation) {
  const Counts counts = Count(evaluation.pictures);
  return {{"name", evaluation.dataset_name},
          {"layout", std::string(LayoutTitle(evaluation.layout))},
          {"split", evaluation.split.empty() ? Json(nullptr) : Json(evaluation.split)},
          {"image_only", evaluation.image_only},
          {"digest", evaluation.dataset_digest},
          {"normal", counts.normal},
          {"anomalous", counts.anomalous},
          {"skipped", counts.skipped}};
}

}  // namespace

// ---------------------------------------------------------------------------------------------- words

std::vector<std::pair<std::string, std::string>> ReportFacts(const Evaluation& evaluation) {
  const ModelInfo& model = evaluation.setting.model;
  const Counts counts = Count(evaluation.pictures);
  const std::string skipped = counts.skipped == 0 ? "" : absl::StrCat(", ", counts.skipped, " skipped");
  return {{"Model", absl::StrCat(model.name, " ", model.version, ", stage ", model.stage)},
          {"Input", absl::StrCat(model.image_size, " × ", model.image_size, " pixels")},
          {"Draws", absl::StrCat(evaluation.setting.samples, " samples, seed ", evaluation.setting.seed,
                                 ", image-agnostic draws: ", model.iad_sampling)},
          {"16-bit pictures", evaluation.setting.significant_bits.has_value()
                                  ? absl::StrCat("taken to fill ", *evaluation.setting.significant_bits, " bits")
                                  : "taken to fill all 16 bits"},
          {"Package's map",
           absl::StrFormat("sigma %g pixels, mask threshold %g (%s)", model.map_smoothing_sigma,
                           model.default_thresholds.mask, ThresholdSourceName(model.default_thresholds.source))},
          {"Data set", absl::StrCat(evaluation.dataset_name, " (", LayoutTitle(evaluation.layout),
                                    evaluation.split.empty() ? ", no split" : ", split " + evaluation.split, ")")},
          {"Pictures",
           absl::StrCat(counts.normal, " normal, ", counts.anomalous, " anomalous", skipped, "; ",
                        evaluation.categories.size(), evaluation.categories.size() == 1 ? " category" : " categories")},
          {"Program", absl::StrCat("bayespfl-model ", BAYESPFL_VERSION, ", ", model.device, ", fp32")},
          {"Model digest", model.digest},
          {"Data set digest", evaluation.dataset_digest}};
}

std::vector<std::string> ReportNotes(const Evaluation& evaluation) {
  const ModelInfo& model = evaluation.setting.model;
  std::vector<std::string> notes = {
      "All numbers are percentages. The mean averages the categories that have the number; – means undefined (only one "
      "class, or no mask).",
      evaluation.image_only
          ? "This data set has no masks. Reference scoring: the image score is the text score, stretched to 0..1 over "
            "the "
            "category's pictures, as the reference does for such sets."
          : "Reference scoring repeats the paper's code. Image score: half the text score, half the mean of the raw "
            "map's "
            "largest pixels (20 or 2000, by category), both stretched to 0..1 over the category's pictures. Pixels: "
            "maps at "
            "model size, smoothed with sigma 8; IoU at the F1-max threshold; AUPRO up to 30 % false positives.",
      absl::StrFormat(
          "Server scores are what the server answers: \"score\" and \"map_score\" as they are, pixels of maps "
          "smoothed with the package's sigma (%g). Mask: pixels at or above the package's threshold (%g).",
          model.map_smoothing_sigma, model.default_thresholds.mask),
      "Against the paper's tables: AUPRO is 0 in all of them (its call is commented out in the reference); the draws "
      "of the "
      "prompts come from another generator, so that numbers differ from draw to draw. Here every picture gets the same "
      "seed, so that all see the same noise; the reference draws the image-specific noise anew for each picture and "
      "keeps "
      "the image-agnostic draws of the first."};
  std::vector<std::string> zero;
  for (const CategoryResult& category : evaluation.categories) {
    if (category.reference.image_is_zero) zero.push_back(category.name);
  }
  if (!zero.empty()) {
    notes.push_back(absl::StrCat("Only anomalous pictures, so that the reference's image numbers are set to 0: ",
                                 absl::StrJoin(zero, ", "), "."));
  }
  if (const std::vector<std::string> empty = EmptyCategories(evaluation); !empty.empty()) {
    notes.push_back(
        absl::StrCat("Without one usable picture, and not in the tables: ", absl::StrJoin(empty, ", "), "."));
  }
  return notes;
}

std::string MarkdownReport(const Evaluation& evaluation) {
  std::string text = absl::StrCat("# ", EscapeMarkdown(evaluation.setting.model.name), " on ",
                                  EscapeMarkdown(evaluation.dataset_name), "\n\n| | |\n| --- | --- |\n");
  for (const auto& [name, value] : ReportFacts(evaluation)) {
    absl::StrAppend(&text, MarkdownRow({name, EscapeMarkdown(value)}));
  }
  absl::StrAppend(&text, "\n");
  for (const MetricTable& table : MetricTables()) absl::StrAppend(&text, MarkdownTable(table, evaluation.categories));
  absl::StrAppend(&text, "## Reading the numbers\n\n");
  for (const std::string& note : ReportNotes(evaluation)) absl::StrAppend(&text, "- ", EscapeMarkdown(note), "\n");
  return absl::StrCat(text, MarkdownSkipped(evaluation.pictures));
}

std::string JsonReport(const Evaluation& evaluation) {
  Json report = {{"schema_version", 1},
                 {"program_version", BAYESPFL_VERSION},
                 {"model", ModelJson(evaluation.setting.model)},
                 {"dataset", DatasetJson(evaluation)},
                 {"samples", evaluation.setting.samples},
                 {"seed", evaluation.setting.seed},
                 {"significant_bits", evaluation.setting.significant_bits.value_or(0)},
                 {"categories", Json::array()},
                 {"mean", MeanJson(evaluation.categories)},
                 {"skipped", Json::array()},
                 {"notes", ReportNotes(evaluation)}};
  for (const CategoryResult& category : evaluation.categories) report["categories"].push_back(CategoryJson(category));
  for (const PictureResult& picture : evaluation.pictures) {
    if (picture.counts()) continue;
    report["skipped"].push_back(
        {{"image", picture.item.image}, {"category", picture.item.category}, {"reason", picture.skipped}});
  }
  // File names may hold any bytes; JSON only UTF-8.
  return report.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string MetricsCsv(const Evaluation& evaluation) {
  std::string text = "kind,category,normal,anomalous,skipped";
  std::string mean = "mean,,,,";
  for (const MetricTable& table : MetricTables()) {
    for (const MetricColumn& column : table.columns) {
      absl::StrAppend(&text, ",", table.key, "_", column.key);
      absl::StrAppend(&mean, ",", FullPrecision(MeanOf(column, evaluation.categories)));
    }
  }
  absl::StrAppend(&text, "\n");
  for (const CategoryResult& category : evaluation.categories) {
    absl::StrAppend(&text, "category,", CsvField(category.name), ",", category.normal, ",", category.anomalous, ",",
                    category.skipped);
    for (const MetricTable& table : MetricTables()) {
      for (const MetricColumn& column : table.columns) {
        absl::StrAppend(&text, ",", FullPrecision(column.value(category)));
      }
    }
    absl::StrAppend(&text, "\n");
  }
  return absl::StrCat(text, mean, "\n");
}

std::string ScoresCsv(const Evaluation& evaluation) {
  std::string text = "image,mask,category,label,defect,image_score,topk_mean,score,score_std,map_score,skipped\n";
  for (const PictureResult& picture : evaluation.pictures) {
    const DatasetItem& item = picture.item;
    absl::StrAppend(&text, CsvField(item.image), ",", CsvField(item.mask), ",", CsvField(item.category), ",",
                    item.anomalous ? "anomalous" : "normal", ",", CsvField(item.defect));
    for (const double value : {picture.image_score, picture.topk_mean, double{picture.score}, double{picture.score_std},
                               double{picture.map_score}}) {
      absl::StrAppend(&text, ",", picture.counts() ? FullPrecision(value) : "");
    }
    absl::StrAppend(&text, ",", CsvField(picture.skipped), "\n");
  }
  return text;
}

absl::Status WriteReport(const Evaluation& evaluation, const std::vector<Gallery>& galleries,
                         const std::filesystem::path& folder) {
  absl::Status status = WriteFile(folder / "report.md", MarkdownReport(evaluation));
  if (status.ok()) status = WriteFile(folder / "report.json", JsonReport(evaluation));
  if (status.ok()) status = WriteFile(folder / "metrics.csv", MetricsCsv(evaluation));
  if (status.ok()) status = WriteFile(folder / "scores.csv", ScoresCsv(evaluation));
  if (status.ok()) status = WriteFile(folder / "report.html", HtmlReport(evaluation, galleries));
  return status;
}

}  // namespace bayespfl
