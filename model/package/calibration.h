// calibration.json: per category, the thresholds that good pictures of it gave, and how they were made. Its own schema,
// version 2 (docs/calibration.md describes every key).
#ifndef BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_
#define BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/package/precision.h"
#include "model/verdict/categories.h"

namespace bayespfl {

// How the thresholds of a category were made.
struct CalibrationProvenance {
  int64_t good_pictures = 0;         // distinct by content
  std::string pictures_digest;       // SHA-256 over the pictures' SHA-256, sorted
  double pixel_percentile = 0;       // 90..100, of smoothed map pixels at model size
  int64_t pixels = 0;                // that were pooled
  double fail_rate = 0;              // largest share of good parts that gets FAIL, 0..1
  double review_rate = 0;            // largest share of good parts that gets REVIEW or FAIL, 0..1, >= fail_rate
  std::optional<double> confidence;  // with which the shares hold; absent: on average over calibrations
  int significant_bits = 0;          // of 16-bit pictures, 9..16, as frames must be sent too; 0: none were said
  bool apply_orientation = false;    // turned upright as their EXIF data said, as frames must be too
};

struct CategoryCalibration {
  // Object, seed and samples as every picture was drawn; lines in the order of kDecisionRules; the revision is filled
  // in by ParseCalibration() and by Revise().
  CategoryDefaults defaults;
  CalibrationProvenance provenance;
};

struct Calibration {
  std::string computation_digest;          // of the package it was made with (ModelPackage::computation_digest)
  Precision precision = Precision::kFp32;  // part of it, for people
  std::map<std::string, CategoryCalibration> categories;  // by CategoryKey(), never empty
};

// Parses and checks the text. InvalidArgument names the key (dotted path) and what is wrong with it; unknown and
// repeated keys are errors too, and so is a category that is no CategoryKey(), one without lines, and a review line
// above its fail line. A file of schema version 1, whose thresholds knew no verdict, is refused with the advice to
// calibrate again.
absl::StatusOr<Calibration> ParseCalibration(absl::string_view json_text);

// The text that ParseCalibration() reads back; equal calibrations give equal bytes. Requires UTF-8 keys.
std::string CalibrationText(const Calibration& calibration);

// Sets defaults.thresholds.revision: the first 12 digits of a SHA-256 over the entry as CalibrationText() writes it.
void Revise(CategoryCalibration& category);

// What ServedModel and the tools look frames' categories up in. `fallback` is for those that are not calibrated.
CategoryTable MakeCategoryTable(const Thresholds& fallback,
                                const std::map<std::string, CategoryCalibration>& categories);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_CALIBRATION_H_
