#include "model/evaluation/report.h"

#include <cstddef>
#include <cstdint>
#include <optional>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/string_view.h"
#include "base/csv.h"
#include "base/files.h"
#include "model/evaluation/html_report.h"
#include "model/evaluation/metric_columns.h"
#include "model/evaluation/seed_spread.h"

namespace bayespfl {
namespace {

constexpr absl::string_view kMeanTitle = "mean";

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

std::string MarkdownSpread(const SeedSpread& spread) {
  std::string text = absl::StrCat("## Over the seeds ", SeedList(spread), "\n\nMean ± standard deviation.\n\n");
  for (size_t t = 0; t < MetricTables().size(); ++t) {
    const MetricTable& table = MetricTables()[t];
    std::vector<std::string> head = {std::string(table.title)};
    std::vector<std::string> rule = {"---"};
    for (const MetricColumn& column : table.columns) {
      head.push_back(absl::StrCat(column.group, " ", column.title));
      rule.emplace_back("---:");
    }
    absl::StrAppend(&text, MarkdownRow(head), MarkdownRow(rule));
    const auto add = [&](const SpreadRow& row) {
      std::vector<std::string> cells = {EscapeMarkdown(row.name)};
      for (const std::optional<SpreadNumber>& number : row.numbers[t]) cells.push_back(SpreadText(number));
      absl::StrAppend(&text, MarkdownRow(cells));
    };
    for (const SpreadRow& row : spread.categories) add(row);
    add(spread.mean);
    absl::StrAppend(&text, "\n");
  }
  return text;
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

}  // namespace

std::string MarkdownReport(const Evaluation& evaluation) {
  std::string text = absl::StrCat("# ", EscapeMarkdown(evaluation.setting.model.name), " on ",
                                  EscapeMarkdown(evaluation.dataset_name), "\n\n| | |\n| --- | --- |\n");
  for (const auto& [name, value] : ReportFacts(evaluation)) {
    absl::StrAppend(&text, MarkdownRow({name, EscapeMarkdown(value)}));
  }
  absl::StrAppend(&text, "\n");
  for (const MetricTable& table : MetricTables()) absl::StrAppend(&text, MarkdownTable(table, evaluation.categories));
  if (evaluation.over_seeds.has_value()) absl::StrAppend(&text, MarkdownSpread(*evaluation.over_seeds));
  absl::StrAppend(&text, "## Reading the numbers\n\n");
  for (const std::string& note : ReportNotes(evaluation)) absl::StrAppend(&text, "- ", EscapeMarkdown(note), "\n");
  return absl::StrCat(text, MarkdownSkipped(evaluation.pictures));
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
  std::string text =
      "image,mask,category,label,defect,image_score,topk_mean,score,score_std,map_score,skipped,verdict,remark,seed\n";
  for (const PictureResult& picture : evaluation.pictures) {
    const DatasetItem& item = picture.item;
    absl::StrAppend(&text, CsvField(item.image), ",", CsvField(absl::StrJoin(item.masks, ";")), ",",
                    CsvField(item.category), ",", item.anomalous ? "anomalous" : "normal", ",", CsvField(item.defect));
    for (const double value : {picture.image_score, picture.topk_mean, double{picture.score}, double{picture.score_std},
                               double{picture.map_score}}) {
      absl::StrAppend(&text, ",", picture.counts() ? FullPrecision(value) : "");
    }
    absl::StrAppend(&text, ",", CsvField(picture.skipped), ",",
                    picture.verdict == Verdict::kNone ? "" : VerdictName(picture.verdict), ",",
                    CsvField(picture.remark), ",", picture.counts() ? absl::StrCat(picture.seed) : "", "\n");
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
