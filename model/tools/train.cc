#include "model/tools/train.h"

#include <atomic>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <memory>

#include "CLI/CLI.hpp"
#include "absl/strings/str_cat.h"
#include "base/progress.h"
#include "base/utf8.h"
#include "model/tools/compute.h"
#include "model/tools/failure.h"
#include "model/training_run/train_config.h"
#include "model/training_run/training_run.h"

namespace bayespfl {
namespace {

std::atomic<bool> stop_requested = false;
static_assert(std::atomic<bool>::is_always_lock_free, "a signal's handler may set it");

// The next one has the signal's usual effect.
void RequestStop(int signal) {
  stop_requested = true;
  std::signal(signal, SIG_DFL);
}

}  // namespace

int RunTrain(const TrainArguments& arguments) {
  const absl::StatusOr<TrainConfig> config = ReadTrainConfig(arguments.config);
  if (!config.ok()) return Fail(config.status().message());
  UseThreads(config->threads);
  const auto run = TrainingRun::Open(
      *config,
      {.text = &std::cerr, .terminal = StandardErrorIsTerminal(), .should_stop = [] { return stop_requested.load(); }});
  if (!run.ok()) return Fail(run.status().message());
  if (arguments.dry_run) {
    const absl::StatusOr<TrainingPlan> plan = (*run)->Plan();
    if (!plan.ok()) return Fail(plan.status().message());
    std::printf("%s", plan->Text().c_str());
    const absl::Status room = (*run)->RequireRoom();
    return room.ok() ? 0 : Fail(room.message());
  }
  // Not before: until here there is nothing to save.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) std::signal(signal, RequestStop);
  const absl::StatusOr<TrainingOutcome> outcome = (*run)->Run();
  if (!outcome.ok()) return Fail(outcome.status().message());
  if (*outcome == TrainingOutcome::kStopped) {
    Say("stopped; its state is saved, and the same command goes on from there");
    return kTrainingStopped;
  }
  std::printf("model:  %s\nreport: %s\n", EscapeControls((config->output / "model").string()).c_str(),
              EscapeControls((config->output / "report.html").string()).c_str());
  return 0;
}

void AddTrainCommand(CLI::App& app, int& exit_code) {
  const auto shared = std::make_shared<TrainArguments>();
  TrainArguments& arguments = *shared;  // lives as long as the callback, which outlives the parsing
  CLI::App* command =
      app.add_subcommand("train", "Trains a package: its weights between frozen towers, or its towers too.");
  command->add_option("--config", arguments.config, "YAML file that describes the run (docs/training.md)")->required();
  command->add_flag("--dry-run", arguments.dry_run,
                    "Say what would be read, cached and spent, by one step that is measured; train nothing");
  command->footer(
      "Exit codes: 0; 1 it failed, stderr says why; 3 a signal stopped it with its state saved: the same command goes "
      "on.");
  command->callback([shared, &exit_code] { exit_code = RunTrain(*shared); });
}

}  // namespace bayespfl
