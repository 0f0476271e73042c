// A run of the tiny model that somebody else may kill: training_run STATE_FOLDER. Says each step that it has saved; the
// exit code is 0 when training is over.

#include <cstdio>

#include "model/libtorch.h"
#include "tests/model/training/tiny_run.h"

namespace {

class Reporter final : public bayespfl::TrainingObserver {
 public:
  void OnStep(const bayespfl::StepReport& step) override {
    std::printf("step %ld\n", static_cast<long>(step.step));
    std::fflush(stdout);
  }
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  torch::set_num_threads(1);
  bayespfl::testing::TinyRun run(argv[1]);
  run.options().save_steps = 1;
  // Two stages of three epochs at least.
  run.options().course = {.epochs = 8, .patience = 1};
  Reporter reporter;
  const auto result = run.Run(reporter);
  if (!result.ok()) std::fprintf(stderr, "%s\n", result.status().ToString().c_str());
  return result.ok() && result->finished ? 0 : 1;
}
