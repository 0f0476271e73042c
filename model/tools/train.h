// `bayespfl-model train`: trains Bayes-PFL's own weights between the frozen towers of a package.
#ifndef BAYESPFL_MODEL_TOOLS_TRAIN_H_
#define BAYESPFL_MODEL_TOOLS_TRAIN_H_

#include <string>

namespace CLI {
class App;
}  // namespace CLI

namespace bayespfl {

inline constexpr int kTrainingStopped = 3;  // exit code

struct TrainArguments {
  std::string config;    // YAML file (model/training_run/train_config.h)
  bool dry_run = false;  // says what would be read, cached and spent, and trains nothing
};

// Returns the exit code: 0; 1 it failed, the reason is on stderr; kTrainingStopped: SIGINT or SIGTERM stopped it with
// its state saved, and the same command goes on from there. A second signal ends the process at once; then it goes on
// from the last state that was saved.
int RunTrain(const TrainArguments& arguments);

// Adds the sub-command; when it is given, parsing the command line runs it and sets the exit code.
void AddTrainCommand(CLI::App& app, int& exit_code);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_TRAIN_H_
