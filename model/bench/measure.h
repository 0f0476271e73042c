// Measures the forms of a network against each other, with the detector that serves.
#ifndef BAYESPFL_MODEL_BENCH_MEASURE_H_
#define BAYESPFL_MODEL_BENCH_MEASURE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "model/bench/bench_case.h"
#include "model/bench/bench_result.h"
#include "model/bench/resident_memory.h"
#include "model/bench/turns.h"
#include "model/detection/detection.h"
#include "model/package/model_package.h"

namespace bayespfl {

inline constexpr int kBenchPictureWidth = 1280;
inline constexpr int kBenchPictureHeight = 1024;
inline constexpr char kBenchObject[] = "metal nut";

struct SizeMeasurement {
  SizeResult result;
  ModelInfo model;
  int64_t tokens = 0;  // of the prompt
};

// Runs every case once to warm up, which also gives its memory and what the forms must agree on, then all of them in
// turns with the machine's peak and its matrix products. On the CPU, with as many threads as LibTorch has. Every form
// of kernels among the cases is loaded at the same time. Calls `on_run` after each run of a case. Pictures are made up,
// another for each frame of a batch.
// The package's own precision does not count, and is another one while a form is loaded.
// `cases` are CasesOf() such forms as FormsOf() gives. Errors as Detector::Create() and Detector::Detect().
absl::StatusOr<SizeMeasurement> MeasureSize(ModelPackage& package, const std::vector<BenchCase>& cases,
                                            const TurnLimits& limits, MemoryWatch& memory,
                                            absl::FunctionRef<void()> on_run);

// LibTorch's version, instructions and threads.
std::string LibraryText();

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_MEASURE_H_
