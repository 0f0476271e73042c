// The embedded model with thresholds that no pictures were needed for.
#ifndef BAYESPFL_TESTS_MODEL_TOOLS_CALIBRATED_MODEL_H_
#define BAYESPFL_TESTS_MODEL_TOOLS_CALIBRATED_MODEL_H_

#include <string>

#include "gtest/gtest.h"
#include "model/package/calibration.h"
#include "model/package/model_package.h"
#include "tests/support/demo_model.h"

namespace bayespfl::testing {

// The text of a calibration.json for the embedded model in that precision: one category of that name, drawn with seed 7
// and 2 samples, whose score is FAIL above `fail` and REVIEW above half of it.
inline std::string DemoCalibration(const std::string& category, const std::string& object, float fail,
                                   Precision precision = Precision::kFp32) {
  const absl::StatusOr<ModelPackage> package =
      ModelPackage::Open(kDemoModel, {.ignore_calibration = true, .precision = precision});
  EXPECT_TRUE(package.ok()) << package.status();
  if (!package.ok()) return "";
  CategoryCalibration entry;
  entry.defaults = {.object = object,
                    .seed = 7,
                    .samples = 2,
                    .thresholds = {.source = ThresholdSource::kCategory,
                                   .mask = 0.5F,
                                   .lines = {{.rule = DecisionRule::kScore, .review = fail / 2, .fail = fail}}}};
  entry.provenance = {.good_pictures = 100,
                      .pictures_digest = std::string(64, 'a'),
                      .pixel_percentile = 99,
                      .pixels = 1000,
                      .fail_rate = 0.01,
                      .review_rate = 0.05,
                      .confidence = 0.9};
  Revise(entry);
  return CalibrationText(
      {.computation_digest = package->computation_digest, .precision = precision, .categories = {{category, entry}}});
}

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_MODEL_TOOLS_CALIBRATED_MODEL_H_
