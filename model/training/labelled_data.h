// Pictures as a training step and a validation want them: with the frozen tower's features, or, where the tower learns,
// as they are. Where features come from (computed, or read from a cache) is the implementation's business.
#ifndef BAYESPFL_MODEL_TRAINING_LABELLED_DATA_H_
#define BAYESPFL_MODEL_TRAINING_LABELLED_DATA_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/training/training_loss.h"

namespace bayespfl {

// Calls come from one thread.
class LabelledData {
 public:
  virtual ~LabelledData() = default;

  virtual int64_t size() const = 0;

  // The pictures of these indices in their order, as epoch `epoch` sees them: the same call gives the same bits.
  virtual absl::StatusOr<LabelledBatch> Get(absl::Span<const int64_t> indices, uint64_t epoch) = 0;

  // Such a call comes next: whoever can work ahead may begin.
  virtual void Announce(absl::Span<const int64_t> indices, uint64_t epoch) = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LABELLED_DATA_H_
