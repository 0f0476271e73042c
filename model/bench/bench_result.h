// What a bench has measured, and what follows from that.
#ifndef BAYESPFL_MODEL_BENCH_BENCH_RESULT_H_
#define BAYESPFL_MODEL_BENCH_BENCH_RESULT_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "model/bench/bench_case.h"
#include "model/bench/machine.h"
#include "model/detection/detection.h"
#include "model/network/flop_count.h"
#include "model/network/network_kernels.h"

namespace bayespfl {

// How far a form's answers may be from the plain form's.
struct Tolerance {
  double score = 1e-5;                                   // in fp32 all forms compute the same
  std::optional<double> map = std::nullopt;              // of any pixel; absent: not asked
  std::optional<double> map_correlation = std::nullopt;  // at least; absent: not asked
};

Tolerance ToleranceOf(Precision precision);

// One batch, once.
struct BenchRun {
  StageSeconds seconds = {};     // of the batch: what each frame does for itself is added up
  double processor_seconds = 0;  // of all threads of the process
};

// The largest difference from the plain form's answers of any frame in any run.
struct Difference {
  double score = 0;            // of image score or map score
  double map = 0;              // of any pixel of the unsmoothed map
  double map_correlation = 1;  // the least of a frame's unsmoothed maps
};

struct CaseResult {
  BenchCase measured = {};
  FlopCount flop = {};
  std::vector<BenchRun> runs = {};                      // in turns with the other cases'; at least one
  std::optional<int64_t> memory_growth = std::nullopt;  // bytes at the peak of a batch; absent: not known
  Difference difference = {};
};

// How fast something ran, once each turn; at least one.
using Rates = std::vector<double>;  // floating-point operations a second

struct GemmResult {
  LinearForm form = LinearForm::kTorch;
  Precision precision = Precision::kFp32;
  Rates rates = {};
};

struct LoadResult {
  NetworkKernels kernels = {};
  Precision precision = Precision::kFp32;
  double seconds = 0;
  std::optional<int64_t> memory_growth = std::nullopt;  // bytes that are resident since then; absent: not known
};

// All that was measured in turns with each other. Every case has one of the plain form before it, with as many frames
// and samples.
struct SizeResult {
  int image_size = 0;  // pixels
  int turns = 0;
  Rates peak = {};
  int64_t gemm_rows = 0;
  int64_t gemm_in = 0;
  int64_t gemm_out = 0;
  std::vector<GemmResult> gemms = {};  // of every form of linear maps, and precision, among the cases
  std::vector<LoadResult> loads = {};
  std::vector<CaseResult> cases = {};
};

struct BenchReport {
  absl::Time date = absl::UnixEpoch();
  std::string program = {};  // its version
  Machine machine = {};
  ModelInfo model = {};
  std::string library = {};  // LibTorch's version, instructions and threads
  int threads = 1;
  std::string object = {};
  int64_t tokens = 0;  // of the prompt
  int picture_width = 0;
  int picture_height = 0;
  int repeats = 0;                                    // that were asked for
  double seconds = 0;                                 // no turn began later
  std::optional<int64_t> peak_memory = std::nullopt;  // bytes of the process, at any time; absent: not known
  std::vector<SizeResult> sizes = {};
};

// Of those stages that have operations to count, and of everything.
struct PerStage {
  double vision = 0;
  double prompts = 0;
  double detect = 0;
  double total = 0;
};

// Times are medians over the runs, each stage's of its own; `total_seconds` is their sum.
struct CaseFigures {
  StageSeconds seconds;
  double total_seconds = 0;
  double processor_seconds = 0;
  double frames_per_second = 0;
  PerStage rate;        // operations a second
  PerStage peak_share;  // of the median peak
  PerStage gemm_share;  // of the median of its precision's fastest linear form
  PerStage speed_up;    // the plain form's time over this one's
  bool agrees = false;  // its answers with the plain form's, as ToleranceOf() its precision
};

// The mean of the two in the middle when there is an even number; requires at least one.
double Median(std::vector<double> values);

double TotalSeconds(const StageSeconds& seconds);

// Of the fastest form in this precision.
double GemmRate(const SizeResult& size, Precision precision);

// `index` of size.cases.
CaseFigures FiguresOf(const SizeResult& size, size_t index);

// Whether every case of every size does.
bool AllAgree(const BenchReport& report);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_BENCH_RESULT_H_
