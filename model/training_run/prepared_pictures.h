// Training pictures as tensors.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_PREPARED_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_RUN_PREPARED_PICTURES_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "model/training/training_batch.h"
#include "model/training_data/training_pictures.h"

namespace bayespfl {

// Thread-safe.
class PreparedPictures final : public TrainingData {
 public:
  // Borrows the pictures, which are of a network with this picture side.
  PreparedPictures(const TrainingPictures& pictures, int64_t image_size)
      : pictures_(pictures), image_size_(image_size) {}

  int64_t size() const override { return pictures_.size(); }
  absl::StatusOr<TrainingPicture> Get(int64_t index, uint64_t epoch) const override;

 private:
  const TrainingPictures& pictures_;
  const int64_t image_size_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_PREPARED_PICTURES_H_
