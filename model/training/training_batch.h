// What training wants of a set of pictures.
#ifndef BAYESPFL_MODEL_TRAINING_TRAINING_BATCH_H_
#define BAYESPFL_MODEL_TRAINING_TRAINING_BATCH_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "model/libtorch.h"

namespace bayespfl {

struct TrainingPicture {
  torch::Tensor image;  // [3, S, S] float32, normalised: the package's preprocessing is applied
  torch::Tensor mask;   // [S, S] float32, 0..1, before binarisation
  bool anomalous = false;
  std::string object;    // the object's words for the prompt
  std::string category;  // unique over the data sets of a run; several may have the same words
};

class TrainingData {
 public:
  virtual ~TrainingData() = default;

  virtual int64_t size() const = 0;

  // A picture as epoch `epoch` sees it: deterministic in (seed, index, epoch). Requires 0 <= index < size(). Any
  // thread.
  virtual absl::StatusOr<TrainingPicture> Get(int64_t index, uint64_t epoch) const = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_TRAINING_BATCH_H_
