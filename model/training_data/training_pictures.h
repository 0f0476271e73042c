// Training pictures as a network takes them: any one of any epoch, made anew by whoever asks.
//
// A picture goes through three steps: with a probability it becomes a mosaic of four anomalous ones of its category
// (mosaic.h), then it is changed at random (augmentation.h), then brought to the network's size as in inspection
// (model/clip/preprocess.h). All draws are keyed by (seed, epoch, index) (draws.h): no picture depends on another one,
// on the order of calls or on the thread.
#ifndef BAYESPFL_MODEL_TRAINING_DATA_TRAINING_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_DATA_TRAINING_PICTURES_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/package/model_config.h"
#include "model/training_data/labelled_picture.h"
#include "model/training_data/training_set.h"

namespace bayespfl {

enum class AugmentMode {
  kNone,    // every epoch sees the pictures as they are: no mosaics, no changes
  kOnline,  // every epoch has draws of its own, as in the reference
  kFrozen,  // a picture has a fixed number of variants, which epochs take in turn, so that features can be cached
};

struct TrainingPicturesOptions {
  uint64_t seed = 0;
  AugmentMode augment = AugmentMode::kOnline;
  int frozen_variants = 4;  // kFrozen: variants of each picture, >= 1; epoch e sees variant e modulo this
  // Of a picture to become a mosaic, 0..1; absent: kMosaicProbability for data sets of MVTec's layout, 0 for others.
  // Pictures of a category without an anomalous one never do.
  std::optional<double> mosaic_probability = std::nullopt;
};

// S is the network's picture side.
struct PreparedPicture {
  std::vector<float> image = {};  // [3, S, S], normalised
  // [S, S], row-major, 0..1: the mask resized linearly, anomalous above 0.5; all 0 for a normal picture.
  std::vector<float> mask = {};
  bool anomalous = false;
  std::string object = {};    // the words of the prompt: ModelConfig::category_names, else the category's name
  std::string category = {};  // TrainingSet::CategoryOf()
};

// A variant of a picture, before it is made.
struct PictureVariant {
  // Into TrainingSet::items: the picture, or the four of a mosaic.
  std::vector<size_t> parts = {};
  std::optional<uint64_t> epoch = std::nullopt;  // of the draws; absent: the picture stays as it is
  // SHA-256, hexadecimal, over all that decides about the pixels before they are brought to the network's size: the
  // parts' files, how they are read, and the key of the draws. Of pictures that stay as they are it is the same
  // whatever the index.
  std::string digest = {};
};

// The labelled picture at the network's size; words and category are left to the caller. Requires a mask that fits the
// picture. Thread-safe.
PreparedPicture Prepare(const LabelledPicture& labelled, const ModelConfig& config);

// Immutable; thread-safe.
class TrainingPictures final {
 public:
  // `config`: of the network that is trained.
  TrainingPictures(TrainingSet set, ModelConfig config, const TrainingPicturesOptions& options);

  [[nodiscard]] const TrainingSet& set() const { return set_; }
  // Pictures of an epoch.
  [[nodiscard]] int64_t size() const { return static_cast<int64_t>(set_.items.size()); }
  // How many different variants a picture has; absent: a new one every epoch.
  [[nodiscard]] std::optional<int> variants() const;

  // Which picture `index` is in an epoch; opens no file. Requires 0 <= index < size().
  [[nodiscard]] PictureVariant Variant(int64_t index, uint64_t epoch) const;
  // The picture itself. OutOfRange: no such index; else the errors of LoadPicture().
  absl::StatusOr<PreparedPicture> Get(int64_t index, uint64_t epoch) const;
  // The same before it is brought to the network's size, for people to look at.
  absl::StatusOr<LabelledPicture> GetFullSize(int64_t index, uint64_t epoch) const;

 private:
  [[nodiscard]] double MosaicProbability(const TrainingItem& item) const;
  [[nodiscard]] std::vector<size_t> DrawParts(size_t index, uint64_t epoch) const;

  TrainingSet set_;
  ModelConfig config_;
  TrainingPicturesOptions options_;
  std::vector<std::vector<size_t>> pools_;  // the anomalous items of each category of each data set
  std::vector<size_t> pool_of_;             // of each item, into pools_
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_DATA_TRAINING_PICTURES_H_
