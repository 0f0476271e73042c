// What a training run would read, keep and cost.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_TRAINING_PLAN_H_
#define BAYESPFL_MODEL_TRAINING_RUN_TRAINING_PLAN_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace bayespfl {

struct RunParts;

struct TrainingPlan {
  int64_t training_pictures = 0;
  int64_t training_anomalous = 0;
  int64_t validation_pictures = 0;
  int64_t bad_pictures = 0;
  int64_t batches = 0;             // of an epoch
  int64_t cached_pictures = 0;     // whose features are kept, variants counted
  int64_t cache_bytes = 0;         // that they take in all
  int64_t missing_bytes = 0;       // of them, that are not there yet
  double seconds_of_encoding = 0;  // to read a picture and, where the tower is frozen, to encode it: measured
  double seconds_of_step = 0;      // of a step after that: measured
  // Estimated from these: a picture of the validation goes forward R times, one of a step forth and back once.
  double first_epoch_seconds = 0;
  double later_epoch_seconds = 0;  // of one that finds its pictures in the cache, where there is one
  int64_t filling_epochs = 1;      // that cost what the first one does: one for each frozen variant that is cached
  int64_t epochs = 0;              // at most

  // Of all epochs there may be.
  [[nodiscard]] double total_seconds() const;
  // For people, a line for each.
  [[nodiscard]] std::string Text() const;
};

// Measures the first batch's pictures, made ready as the run does it, and a step with them; writes nothing. Errors of
// the pictures. Throws c10::Error when the device fails.
absl::StatusOr<TrainingPlan> MeasurePlan(const RunParts& parts);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_TRAINING_PLAN_H_
