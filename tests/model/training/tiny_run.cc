#include "tests/model/training/tiny_run.h"

#include <gtest/gtest.h>

#include "model/libtorch.h"
#include "model/training/parameters.h"
#include "tests/support/demo_model.h"
#include "tests/support/tiny_package.h"

namespace bayespfl::testing {

TinyRun::TinyRun(const std::string& state_folder)
    : tiny_(TinyPackage()),
      objects_(ObjectReader::Create(kDemoModel + "/bpe_simple_vocab_16e6.txt.gz", tiny_.config).value()),
      towers_(BayesPflModel::LoadTowers(tiny_.config, *tiny_.clip, torch::kCPU, {}, Precision::kFp32).value()),
      parameters_(LoadParameters(*tiny_.bayespfl, tiny_.config, torch::kCPU).value()),
      training_pictures_(5, tiny_.config.image_size, {"metal nut", "capsules"}),
      validation_pictures_(4, tiny_.config.image_size, {"bottle", "wood"}) {
  const LoadingOptions encoding = {.image_size = tiny_.config.image_size, .device = torch::kCPU, .loading_threads = 2};
  training_.emplace(training_pictures_, towers_.vision, objects_, encoding);
  validation_.emplace(validation_pictures_, towers_.vision, objects_, encoding);
  options_.seed = 7;
  options_.batch_size = 2;
  options_.course = {.epochs = 4, .patience = 0};
  options_.validation.samples = 2;
  options_.validation.scratch_folder = ::testing::TempDir();
  // Maps of some thousand pixels want no counters of 128 MiB.
  options_.validation.pixels.scores_per_pass = int64_t{1} << 18;
  options_.state_folder = state_folder;
  options_.identity = {{"model", "tiny"}};
}

StagesTask TinyRun::Task() const { return {tiny_.config, towers_, parameters_, torch::kCPU}; }

absl::StatusOr<TrainingResult> TinyRun::Run(const TrainingTask& task, TrainingObserver& observer) {
  Trainer trainer(task, *training_, *validation_, options_);
  return trainer.Run(observer);
}

absl::StatusOr<ValidationScores> TinyRun::Judge(int stage, uint64_t key) {
  const auto model = Task().Assemble(stage);
  if (!model.ok()) return model.status();
  return Validate(**model, *validation_, key, options_.validation);
}

}  // namespace bayespfl::testing
