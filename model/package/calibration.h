// calibration.json: per category, the thresholds that good pictures of it gave, and how they were made. Its own schema,
// version 1 (docs/calibration.md describes every key).
#ifndef BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_
#define BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// How the thresholds of a category were made.
struct CalibrationProvenance {
  int64_t good_pictures = 0;         // distinct by content
  std::string pictures_digest;       // SHA-256 over the pictures' SHA-256, sorted
  double pixel_percentile = 0;       // 90..100, of smoothed map pixels at model size
  int64_t pixels = 0;                // that were pooled
  double reject_rate = 0;            // the target
  std::optional<double> confidence;  // absent: the target is the expected share
  int64_t score_rank = 0;            // the threshold is the score of this rank, from 1 at the lowest
  float highest_good_score = 0;      // 0..1
  int samples = 0;                   // draws of the prompt distributions per picture
  uint64_t seed = 0;
  bool fixed_seed = false;  // true: every picture was drawn with `seed`; false: with a seed of its own
};

struct CategoryCalibration {
  float mask_threshold = 0;   // 0..1, on the smoothed map: the mask is map >= threshold
  float score_threshold = 0;  // 0..1: a part is rejected when score > threshold
  CalibrationProvenance provenance;
};

struct Calibration {
  std::string computation_digest;  // of the package it was made with (ModelPackage::ComputationDigest)
  std::map<std::string, CategoryCalibration> categories;  // by category key (Detector::CategoryKey), never empty
};

// Parses and checks the text. InvalidArgument names the key (dotted path) and what is wrong with it; unknown and
// repeated keys are errors too.
absl::StatusOr<Calibration> ParseCalibration(absl::string_view json_text);

// The text that ParseCalibration() reads back; equal calibrations give equal bytes. Requires UTF-8 keys.
std::string CalibrationText(const Calibration& calibration);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_
