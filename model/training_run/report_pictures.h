// Pictures of the validation as the trained model sees them.
#ifndef BAYESPFL_MODEL_TRAINING_RUN_REPORT_PICTURES_H_
#define BAYESPFL_MODEL_TRAINING_RUN_REPORT_PICTURES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/training_data/training_set.h"
#include "model/training_log/training_report.h"

namespace bayespfl {

// Up to `count` of the set's pictures, evenly chosen, each with its map and the outline of its mask. The colours span
// the maps of all of them. Errors of Detector::Create(), Detector::Detect() and LoadPicture().
absl::StatusOr<std::vector<ReportPicture>> DrawReportPictures(const std::string& package, const TrainingSet& set,
                                                              int count, const std::string& device);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_RUN_REPORT_PICTURES_H_
