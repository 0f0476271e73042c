// Where to draw the lines for a category: the package's own threshold, and those of calibrated categories.
#ifndef BAYESPFL_MODEL_DETECTION_CATEGORY_THRESHOLDS_H_
#define BAYESPFL_MODEL_DETECTION_CATEGORY_THRESHOLDS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bayespfl {

class CategoryReader;
struct Calibration;

struct CategoryThresholds {
  float mask = 0.5F;                          // on the smoothed map: the category's own, else the package's, else 0.5
  bool calibrated = false;                    // false: `mask` is the 0.5 that nobody chose
  std::optional<float> score = std::nullopt;  // a part is rejected when score > it; absent: the category has none
};

// A category whose thresholds come from good pictures of it.
struct CalibratedCategory {
  std::string category;       // its key (Detector::CategoryKey)
  float mask_threshold = 0;   // on the smoothed map, 0..1
  float score_threshold = 0;  // a part is rejected when score > it, 0..1
  int64_t good_pictures = 0;  // that the thresholds were made of
};

// The thresholds of every category. Immutable after Create(); thread-safe.
class CategoryThresholdTable {
 public:
  // `mask_threshold` is the package's own. InvalidArgument: a key of the calibration is not its own key, as `reader`
  // reads it.
  static absl::StatusOr<CategoryThresholdTable> Create(std::optional<float> mask_threshold,
                                                       const std::optional<Calibration>& calibration,
                                                       const CategoryReader& reader);

  // Of a category that has no thresholds of its own.
  const CategoryThresholds& usual() const { return usual_; }

  // `key` as CategoryReader gives it.
  CategoryThresholds Of(const std::string& key) const;

  // By key.
  const std::vector<CalibratedCategory>& calibrated() const { return calibrated_; }

 private:
  CategoryThresholds usual_;
  std::map<std::string, CategoryThresholds> by_key_;
  std::vector<CalibratedCategory> calibrated_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_CATEGORY_THRESHOLDS_H_
