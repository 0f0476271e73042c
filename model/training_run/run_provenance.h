// Where a trained package comes from, as it says itself under "provenance".
#ifndef BAYESPFL_MODEL_TRAINING_RUN_RUN_PROVENANCE_H_
#define BAYESPFL_MODEL_TRAINING_RUN_RUN_PROVENANCE_H_

#include "absl/status/statusor.h"
#include "model/package/model_config.h"
#include "model/training/trainer.h"
#include "model/training_run/run_parts.h"

namespace bayespfl {

// The program, by its version and the SHA-256 of its file, the data by the SHA-256 of their lists, every setting that
// decides what is learned, what computed; then the same of the package that training started from, each key with
// "start." before it, and of that one's. Errors of ReadFile() and ReadProvenance() for the start's config.json.
absl::StatusOr<PackageProvenance> ProvenanceOf(const RunParts& parts, const TrainingResult& result);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_RUN_PROVENANCE_H_
