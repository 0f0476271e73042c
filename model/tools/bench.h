// `bayespfl-model bench`: how fast a package is here, in each form of the network.
#ifndef BAYESPFL_MODEL_TOOLS_BENCH_H_
#define BAYESPFL_MODEL_TOOLS_BENCH_H_

#include <ostream>
#include <string>
#include <vector>

#include "model/bench/bench_case.h"

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

struct BenchArguments {
  std::string model_dir;
  std::vector<int> batches = {1};           // frames, 1..kMostBenchFrames
  std::vector<int> samples = {};            // 1..kMaxSamples; empty: the package's
  std::vector<int> sizes = {};              // sides of pictures at the model, pixels; empty: the package's
  std::vector<KernelsChoice> kernels = {};  // empty: EveryKernels()
  std::vector<PromptForm> prompts = {PromptForm::kWhole, PromptForm::kShared};
  std::vector<Precision> precisions = {Precision::kFp32};
  int threads = 0;        // that LibTorch may use; 0: the processors of this process
  int repeats = 5;        // turns in which every case is measured once, at most
  double seconds = 20;    // for each size; no turn begins later
  std::string json_file;  // empty: none
};

inline constexpr int kFormsDisagree = 2;

// Measures (model/bench/measure.h) one size after the other, prints the tables to `out` as they come and whether the
// forms agree, and writes the JSON. Returns the exit code: 0; 1 when it failed, with the reason on stderr;
// kFormsDisagree when a form's answers differ from the plain form's by more than its precision may.
int RunBench(const BenchArguments& arguments, std::ostream& out);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddBenchCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_BENCH_H_
