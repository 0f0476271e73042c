// The reports of an evaluation. The same evaluation gives the same bytes: no times, no machine, no absolute paths.
//
//   report.md     tables for people, percent with two decimals
//   report.html   the same with plots and pictures, one self-contained file (html_report.h)
//   report.json   everything in the tables, full precision
//   metrics.csv   one row per category and the mean, full precision, 0..1
//   scores.csv    one row per picture, with the reason of those that were skipped
#ifndef BAYESPFL_MODEL_EVALUATION_REPORT_H_
#define BAYESPFL_MODEL_EVALUATION_REPORT_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/gallery.h"

namespace bayespfl {

struct PictureCounts {
  int64_t normal = 0;     // that count
  int64_t anomalous = 0;  // likewise
  int64_t skipped = 0;
};
PictureCounts CountPictures(const std::vector<PictureResult>& pictures);

// What was evaluated and how, as (name, value) lines for people.
std::vector<std::pair<std::string, std::string>> ReportFacts(const Evaluation& evaluation);

// What a reader must know to read the numbers, one paragraph each; which ones depends on the evaluation.
std::vector<std::string> ReportNotes(const Evaluation& evaluation);

std::string MarkdownReport(const Evaluation& evaluation);
std::string JsonReport(const Evaluation& evaluation);
std::string MetricsCsv(const Evaluation& evaluation);
std::string ScoresCsv(const Evaluation& evaluation);

// Writes the five files into `folder`, which is made when missing. Errors name the file.
absl::Status WriteReport(const Evaluation& evaluation, const std::vector<Gallery>& galleries,
                         const std::filesystem::path& folder);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_REPORT_H_
