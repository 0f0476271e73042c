// `bayespfl-model evaluate`: runs a package over a test set and writes a report (docs/evaluation.md).
#ifndef BAYESPFL_MODEL_TOOLS_EVALUATE_H_
#define BAYESPFL_MODEL_TOOLS_EVALUATE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/evaluation/dataset.h"
#include "model/package/precision.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

inline constexpr int kThinEvaluation = 2;

struct EvaluateArguments {
  std::string model_dir;
  std::string calibration_file;  // empty: the package's own, if it has one
  std::string dataset;           // a folder or a CSV file
  std::string report_dir;
  DatasetOptions options;
  std::string device = "auto";
  std::optional<Precision> precision = std::nullopt;  // absent: as the package says
  std::optional<int> samples = std::nullopt;          // absent: the category's, else the package's
  std::vector<uint64_t> seeds = {};                   // one evaluation each; empty: one with the category's, else 0
  bool seed_per_picture = false;                      // draw each picture with a seed of its own, made from that one
  int significant_bits = 0;                           // of 16-bit pictures, 9..16; 0: all
  bool apply_orientation = false;                     // turn pictures and masks upright as their EXIF data says
};

// The seeds that --seeds asks for: "3,14,15" names them, each once; a number alone is how many, from 0 on, 2..100.
// InvalidArgument says what is wrong.
absl::StatusOr<std::vector<uint64_t>> ParseSeeds(const std::string& text);

// Writes report.md, report.html, report.json, metrics.csv and scores.csv into the report folder and the mean numbers
// and the verdicts to stdout; progress, broken pictures and errors go to stderr. Returns the exit code: 0, also when
// some pictures were skipped; 1 when there is no report; kThinEvaluation when there is one, whose numbers have too
// little behind them (Shortcomings() of model/evaluation/shortcomings.h). What was computed until then waits in
// REPORT/.state* for the next run.
int RunEvaluate(const EvaluateArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddEvaluateCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_EVALUATE_H_
