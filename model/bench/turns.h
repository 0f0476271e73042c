// Measures several things in turns: A B C, A B C, ... A machine that is slower for a while is slower for all of them,
// so that what they have in common cancels in their ratios.
#ifndef BAYESPFL_MODEL_BENCH_TURNS_H_
#define BAYESPFL_MODEL_BENCH_TURNS_H_

#include <cstddef>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace bayespfl {

struct TurnLimits {
  int turns = 1;  // at most; at least 1
  // No turn begins when so much time has passed since the first began; the first always runs whole.
  absl::Duration time = absl::InfiniteDuration();
};

// Calls run(0) .. run(things - 1), again and again; returns how many turns were whole. The first error of `run` ends
// it. `now` is the clock.
absl::StatusOr<int> RunInTurns(size_t things, const TurnLimits& limits, absl::FunctionRef<absl::Time()> now,
                               absl::FunctionRef<absl::Status(size_t)> run);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_BENCH_TURNS_H_
