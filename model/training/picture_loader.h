// Loads pictures in several threads, the next ones in the background.
#ifndef BAYESPFL_MODEL_TRAINING_PICTURE_LOADER_H_
#define BAYESPFL_MODEL_TRAINING_PICTURE_LOADER_H_

#include <cstdint>
#include <future>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/training/training_batch.h"

namespace bayespfl {

// Not thread-safe.
class PictureLoader final {
 public:
  // Borrows the data. `side`: S, which every picture must have; `threads` >= 1 call TrainingData::Get() at a time.
  PictureLoader(const TrainingData& data, int64_t side, int threads) : data_(data), side_(side), threads_(threads) {}
  // Waits for what was announced.
  ~PictureLoader() = default;

  // These are asked for next: their loading begins.
  void Announce(absl::Span<const int64_t> indices, uint64_t epoch) { announced_ = Start(indices, epoch); }

  // The pictures of these indices in their order. InvalidArgument: a picture of a wrong size. Else as
  // TrainingData::Get(). The message names the picture by its index. Throws what TrainingData::Get() does.
  absl::StatusOr<std::vector<TrainingPicture>> Load(absl::Span<const int64_t> indices, uint64_t epoch);

 private:
  using Pictures = std::vector<absl::StatusOr<TrainingPicture>>;

  // Pictures that threads are loading; part t has those of the places t, t + threads, ...
  struct Loading {
    std::vector<int64_t> indices = {};
    uint64_t epoch = 0;
    std::vector<std::future<Pictures>> parts = {};
  };

  Loading Start(absl::Span<const int64_t> indices, uint64_t epoch) const;
  absl::Status Check(const TrainingPicture& picture) const;

  const TrainingData& data_;
  const int64_t side_;
  const int threads_;
  Loading announced_;
};

// The same status, that says of which picture.
absl::Status AboutPicture(int64_t index, const absl::Status& status);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_PICTURE_LOADER_H_
