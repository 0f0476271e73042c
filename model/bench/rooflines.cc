#include "model/bench/rooflines.h"

#include <atomic>

#include "absl/functional/function_ref.h"
#include "model/detection/stop_watch.h"
#include "model/kernels/instruction_set.h"
#include "model/kernels/multiply_add.h"
#include "model/network/parallel_tasks.h"

namespace bayespfl {
namespace {

constexpr double kSeconds = 0.05;
// A few milliseconds: handing them out to the threads costs nothing beside that.
constexpr int64_t kRounds = 1'000'000;

// Operations a second of `work`, which does `flop` of them, called until kSeconds have passed.
double Rate(double flop, absl::FunctionRef<void()> work) {
  StopWatch watch;
  double seconds = 0;
  double done = 0;
  do {
    work();
    done += flop;
    seconds += watch.Lap();
  } while (seconds < kSeconds);
  return done / seconds;
}

}  // namespace

GemmShape LargestGemm(const ModelConfig& config) {
  return {.rows = 1 + config.grid() * config.grid(), .in = config.vision.width, .out = 4 * config.vision.width};
}

double MeasurePeakRate() {
  const InstructionSet instructions = InstructionSets().back();
  const int64_t threads = at::get_num_threads();
  std::atomic<float> sum = 0;  // used, so that the work is not optimised away
  const double flop =
      2.0 * static_cast<double>(kRounds * threads) * kMultiplyAddChains * MultiplyAddLanes(instructions);
  return Rate(flop, [&] { RunTasks(threads, [&](int64_t) { sum = MultiplyAdds(instructions, kRounds); }); });
}

Gemm::Gemm(const GemmShape& shape, LinearForm form, Precision precision)
    : shape_(shape),
      input_(torch::randn({shape.rows, shape.in})),
      linear_({torch::randn({shape.out, shape.in}), torch::randn({shape.out})}, form, precision) {}

double Gemm::MeasureRate() const {
  const c10::InferenceMode inference;
  return Rate(shape_.flop(), [&] { linear_(input_); });
}

}  // namespace bayespfl
