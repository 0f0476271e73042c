// `bayespfl-model evaluate`: runs a package over a test set and writes a report (docs/evaluation.md).
#ifndef BAYESPFL_MODEL_TOOLS_EVALUATE_H_
#define BAYESPFL_MODEL_TOOLS_EVALUATE_H_

#include <cstdint>
#include <string>

#include "model/evaluation/dataset.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct EvaluateArguments {
  std::string model_dir;
  std::string dataset;  // a folder or a CSV file
  std::string report_dir;
  DatasetOptions options;
  std::string device = "auto";
  int samples = 0;  // 0: the package's
  uint64_t seed = 0;
  int significant_bits = 0;  // of 16-bit pictures, 9..16; 0: all
};

// Writes report.md, report.html, report.json, metrics.csv and scores.csv into the report folder and the mean numbers to
// stdout; progress, broken pictures and errors go to stderr. Returns the exit code: 0, also when some pictures were
// skipped; 1 when there is no report. What was computed until then waits in REPORT/.state for the next run.
int RunEvaluate(const EvaluateArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddEvaluateCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_EVALUATE_H_
