// What a model in training is worth on pictures that it does not learn from, as the reference measures it.
#ifndef BAYESPFL_MODEL_TRAINING_VALIDATION_H_
#define BAYESPFL_MODEL_TRAINING_VALIDATION_H_

#include <cstdint>
#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "model/evaluation/pixel_metrics.h"
#include "model/network/model.h"
#include "model/training/labelled_data.h"
#include "model/training/training_course.h"

namespace bayespfl {

struct ValidationOptions {
  int64_t samples = 5;         // R
  int64_t batch_size = 8;      // pictures whose features are asked for at a time
  std::string scratch_folder;  // for the maps' pixels, 4 bytes each (PixelMetricsAccumulator)
  PixelMetricsOptions pixels = {.overlap = false};
  std::function<bool()> should_stop = [] { return false; };  // asked before each batch
};

// Pictures of the same category (LabelledBatch::categories) form a class; of each the average precision of all its
// pixels and that of its pictures, and of those the means over the classes. Maps are not smoothed. The reference sums
// probabilities over pairs and layers where we average, and stretches text scores to 0..1 within a class: neither
// changes an order, and so no average precision.
//
// Draws hang on `key` alone: the two states are drawn once for all pictures, contexts for each. InvalidArgument: there
// is no picture, or a class without a defective one or without a positive pixel. Cancelled: it was to stop.
// ResourceExhausted: the scratch folder is full. Else as data.Get(). Throws c10::Error when the device fails.
absl::StatusOr<ValidationScores> Validate(const BayesPflModel& model, LabelledData& data, uint64_t key,
                                          const ValidationOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_VALIDATION_H_
