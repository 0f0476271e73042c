#include "model/bench/turns.h"

namespace bayespfl {

absl::StatusOr<int> RunInTurns(size_t things, const TurnLimits& limits, absl::FunctionRef<absl::Time()> now,
                               absl::FunctionRef<absl::Status(size_t)> run) {
  const absl::Time begin = now();
  int turns = 0;
  do {
    for (size_t i = 0; i < things; ++i) {
      if (absl::Status status = run(i); !status.ok()) return status;
    }
    ++turns;
  } while (turns < limits.turns && now() - begin < limits.time);
  return turns;
}

}  // namespace bayespfl
