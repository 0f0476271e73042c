// Pictures to train the tiny model with, made on the spot.
#ifndef BAYESPFL_TESTS_MODEL_TRAINING_GENERATED_PICTURES_H_
#define BAYESPFL_TESTS_MODEL_TRAINING_GENERATED_PICTURES_H_

#include <cstdint>
#include <string>
#include <vector>

#include "model/training/training_batch.h"

namespace bayespfl::testing {

// Noise around a mean, every second picture with a bright square that its mask marks. The noise is another one in each
// epoch.
class GeneratedPictures final : public TrainingData {
 public:
  // `objects`: the words, taken in turns by pairs of pictures.
  GeneratedPictures(int64_t size, int64_t side, std::vector<std::string> objects)
      : size_(size), side_(side), objects_(std::move(objects)) {}

  int64_t size() const override { return size_; }
  absl::StatusOr<TrainingPicture> Get(int64_t index, uint64_t epoch) const override;

 private:
  const int64_t size_;
  const int64_t side_;
  const std::vector<std::string> objects_;
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_TRAINING_GENERATED_PICTURES_H_
