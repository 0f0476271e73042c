// Whether pictures are worth hours: what is asked of both data sets of a run once they are read.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_DATA_CHECKS_H_
#define BAYESPFL_MODEL_TRAINING_RUN_DATA_CHECKS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "model/detection/object_reader.h"
#include "model/training_data/training_set.h"

namespace bayespfl {

// InvalidArgument, with the set and the categories: one of `judged` lacks pictures that are good or pictures with a
// defect, so that nothing can be ranked there; or the model cannot read a category's words.
absl::Status CheckData(const TrainingSet& learned, const TrainingSet& judged, const ObjectReader& objects);

// What makes a validation say less than it seems to, a sentence each.
std::vector<std::string> DataWarnings(const TrainingSet& learned, const TrainingSet& judged);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_DATA_CHECKS_H_
