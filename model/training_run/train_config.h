// What a training run is told: a YAML file.
//
//   model: start                 # package to start from
//   mode: stages                 # stages: the paper's two, between the package's towers, which stay
//                                # towers: towers and all else learn together, for packages without CLIP's weights
//   image_size: 240              # pixels, of the trained package; default: as the package that training starts from
//   output: runs/metal           # folder of the run: its state, curves, report, and the trained package in model/
//   name: metal-parts            # of the trained package; default: the name of the one it starts from
//   version: 1.0.0               # of the trained package
//   training:                    # data sets whose pictures are learned from (their test split, as in the paper)
//     - path: data/mvtec         # folder or CSV file (model/evaluation/dataset.h)
//       layout: auto             # auto, mvtec, visa, csv
//       split: test
//       categories: [bottle]     # default: all
//       limit: 100               # most pictures of a category; 0: all
//       significant_bits: 12     # of 16-bit samples
//       apply_orientation: false
//   validation:                  # likewise: what the epochs are judged by
//     - path: data/visa
//   seed: 0
//   batch_size: 32               # pictures of a step
//   epochs: 30                   # at most, of both stages together
//   patience: 3                  # epochs without improvement that are borne
//   samples: 5                   # R of the validation
//   augment: online              # online: new changes of the pictures in each epoch, as in the paper; frozen: a fixed
//                                #   number of variants of each picture, which can be cached; none: as they are
//   variants: 4
//   mosaic: 0.4                  # probability of a mosaic of four; default: 0.4 for MVTec's layout, else 0
//   cache: features              # folder for the frozen tower's features; default: none
//   cache_type: fp16             # fp16, bf16, fp32; the validation's are always kept in fp32
//   save_steps: 0                # also saves the state after so many steps; 0: after each epoch
//   kept_states: 2
//   device: auto                 # auto, cpu, cuda:N
//   threads: 0                   # 0: the processors that the process may use
//   report_pictures: 12          # of the validation, in the report
//   teacher: teacher.pt          # these five in mode towers alone. TorchScript module whose features the image tower
//                                #   learns to give; default: none
//   learning_rate: 0.001         # before warm-up and cosine
//   weight_decay: 0.05           # of the blocks' matrices
//   optimiser: adamw             # adamw, muon: of the blocks' matrices (training/muon.h)
//   precision: fp32              # that factors of matrix products may have: fp32, bf16 (bf16_products.h)
//
// Paths are relative to the file's folder.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_TRAIN_CONFIG_H_
#define BAYESPFL_MODEL_TRAINING_RUN_TRAIN_CONFIG_H_

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/training_data/feature_cache.h"
#include "model/training_data/training_pictures.h"
#include "model/training_data/training_set.h"

namespace bayespfl {

enum class TrainMode { kStages, kTowers };

// Of TrainMode::kTowers.
struct TowersConfig {
  std::filesystem::path teacher = {};  // empty: none
  double learning_rate = 1e-3;
  double weight_decay = 0.05;
  bool muon = false;  // for the blocks' matrices
  bool bf16_products = false;
};

struct TrainConfig {
  std::filesystem::path model = {};
  TrainMode mode = TrainMode::kStages;
  int64_t image_size = 0;  // pixels; 0: as the package that training starts from
  std::filesystem::path output = {};
  std::string name = {};  // empty: as the package that training starts from
  std::string version = "1.0.0";
  std::vector<TrainingSource> training = {};
  std::vector<TrainingSource> validation = {};
  uint64_t seed = 0;
  int64_t batch_size = 32;
  int64_t epochs = 30;
  int64_t patience = 3;  // of TrainMode::kTowers by default all epochs: its learning rate has to come down first
  int64_t samples = 5;
  TrainingPicturesOptions pictures = {};  // with the seed above
  std::filesystem::path cache = {};       // empty: none
  FeatureType cache_type = FeatureType::kFp16;
  int64_t save_steps = 0;
  int kept_states = 2;
  std::string device = "auto";
  int threads = 0;
  int report_pictures = 12;
  TowersConfig towers = {};
};

// "online", "frozen, variants 4", "none"; "0.4", "0.4 for MVTec's layout, else 0".
std::string AugmentText(const TrainingPicturesOptions& pictures);
std::string MosaicText(const TrainingPicturesOptions& pictures);

// InvalidArgument, with the line: no YAML, a key that there is not (with the one that may be meant), twice or without a
// value of its kind, a number out of its range, a key that is missing, or one that its mode has no use for.
absl::StatusOr<TrainConfig> ParseTrainConfig(absl::string_view yaml, const std::filesystem::path& folder);

// The same of a file, which errors begin with. Errors of ReadFile() too.
absl::StatusOr<TrainConfig> ReadTrainConfig(const std::filesystem::path& file);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_TRAIN_CONFIG_H_
