// A whole training run of the tiny model, small enough for tests.
#ifndef BAYESPFL_TESTS_MODEL_TRAINING_TINY_RUN_H_
#define BAYESPFL_TESTS_MODEL_TRAINING_TINY_RUN_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "model/detection/object_reader.h"
#include "model/network/model.h"
#include "model/package/model_package.h"
#include "model/training/encoded_pictures.h"
#include "model/training/stages_task.h"
#include "model/training/trainer.h"
#include "tests/model/training/generated_pictures.h"

namespace bayespfl::testing {

// Five pictures in steps of two, so that the last step of an epoch has one; four pictures of two objects to validate
// with. On the CPU, where the same bits come out each time.
class TinyRun {
 public:
  explicit TinyRun(const std::string& state_folder);

  // May be changed before the run.
  TrainerOptions& options() { return options_; }
  const TensorMap& parameters() const { return parameters_; }

  // What learns; its parameters are parameters().
  StagesTask Task() const;
  absl::StatusOr<TrainingResult> Run(TrainingObserver& observer) { return Run(Task(), observer); }
  // With a task that wraps Task().
  absl::StatusOr<TrainingResult> Run(const TrainingTask& task, TrainingObserver& observer);
  // Of the parameters as they are, with the pictures of the validation.
  absl::StatusOr<ValidationScores> Judge(int stage, uint64_t key);

 private:
  const ModelPackage tiny_;
  const ObjectReader objects_;
  ClipTowers towers_;
  TensorMap parameters_;
  const GeneratedPictures training_pictures_;
  const GeneratedPictures validation_pictures_;
  std::optional<EncodedPictures> training_;
  std::optional<EncodedPictures> validation_;
  TrainerOptions options_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_TRAINING_TINY_RUN_H_
