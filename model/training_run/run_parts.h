// What a training run works with: the package, what is to learn of it on the device, both sets of pictures.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_RUN_PARTS_H_
#define BAYESPFL_MODEL_TRAINING_RUN_RUN_PARTS_H_

#include <filesystem>
#include <memory>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/detection/object_reader.h"
#include "model/libtorch.h"
#include "model/network/model.h"
#include "model/package/model_package.h"
#include "model/tower_training/bf16_products.h"
#include "model/training/labelled_data.h"
#include "model/training/training_batch.h"
#include "model/training/training_task.h"
#include "model/training_data/feature_cache.h"
#include "model/training_data/training_pictures.h"
#include "model/training_run/cached_pictures.h"
#include "model/training_run/prepared_pictures.h"
#include "model/training_run/train_config.h"

namespace bayespfl {

// One of the two sets; each member borrows from those above it.
struct RunPictures {
  std::unique_ptr<TrainingPictures> pictures;
  std::unique_ptr<PreparedPictures> prepared;
  std::unique_ptr<FeatureCache> cache;  // null: none
  std::unique_ptr<LabelledData> data;
  const CachedPictures* cached = nullptr;  // `data`, where there is a cache
};

// Members borrow from those above them, so it stays where it was made.
struct RunParts {
  TrainConfig config;
  ModelPackage package;
  ObjectReader objects;
  torch::Device device;
  std::optional<ClipTowers> towers;                   // where they are frozen
  std::string teacher_digest;                         // SHA-256; empty: none
  std::unique_ptr<const Bf16Products> bf16_products;  // null: of fp32
  std::unique_ptr<const TrainingTask> task;
  std::vector<std::string> warnings;  // sentences on the data
  RunPictures training;
  RunPictures validation;
};

// Where the trained package will be.
std::filesystem::path ModelFolder(const TrainConfig& config);

// Whether the run may write there. InvalidArgument: the output is no folder. AlreadyExists: it has a package and no
// run's state, so that the package is somebody's, perhaps the one to start from.
absl::Status CheckOutput(const TrainConfig& config);

// The pictures that are learned from as the task takes them when there is no cache.
std::unique_ptr<LabelledData> UncachedData(const RunParts& parts, const TrainingData& pictures);

// Whether the caches have room for what they lack of both sets. ResourceExhausted, with what is needed and what there
// is.
absl::Status RequireCacheRoom(const RunParts& parts);

// Opens the package, finds and reads all pictures; writes nothing. Says on `text` what was found and left out;
// `terminal`: it can redraw a line. Errors as TrainingRun::Open().
absl::StatusOr<std::unique_ptr<RunParts>> OpenRunParts(const TrainConfig& config, std::ostream& text, bool terminal);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_RUN_PARTS_H_
