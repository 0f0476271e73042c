// The plant's products: which words stand for each in the prompt, how its pictures are drawn, and where its lines are.
//
//   CategoryTable table(package_thresholds, calibration.categories);
//   CategorySetting setting = table.Resolve({.category = "PCB-4711 rev C"});
#ifndef BAYESPFL_MODEL_VERDICT_CATEGORIES_H_
#define BAYESPFL_MODEL_VERDICT_CATEGORIES_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

inline constexpr size_t kMaxCategoryBytes = 256;  // UTF-8 bytes of a category, and of an object

// The category as thresholds hang on it: the text without the ASCII white space around it, else as the plant writes it.
// InvalidArgument: nothing is left, over kMaxCategoryBytes, or not UTF-8; the message begins with `field`.
absl::StatusOr<std::string> CategoryKey(absl::string_view category, absl::string_view field = "category");

// The least and the greatest value over a category's good parts.
struct Range {
  float low = 0;
  float high = 0;

  friend bool operator==(const Range&, const Range&) = default;
};

// What the mixed score stretches by.
struct ScoreRanges {
  Range score;
  Range map_score;

  friend bool operator==(const ScoreRanges&, const ScoreRanges&) = default;
};

// The paper's image score with the ranges of good parts instead of those of a whole test set (paper, section 4.1,
// "Evaluation Metrics"; docs/verdicts.md): half of each of the two, stretched so that the lowest good part is at 0 and
// the highest at 1. Not clipped: below 0 and above 1 lie parts that no good one was like.
float MixedScore(const ScoreRanges& ranges, float score, float map_score);

// What frames of a calibrated category are given by default.
struct CategoryDefaults {
  std::string object;     // words of the prompt
  uint64_t seed = 0;      // key of the draws
  int samples = 0;        // R, 1..kMaxSamples
  Thresholds thresholds;  // source kCategory
  std::optional<ScoreRanges> ranges = std::nullopt;
  bool apply_orientation = false;  // its good pictures were turned upright as their EXIF data said; frames decide anew
};

// What a frame asks for.
struct CategoryRequest {
  std::string category;                              // a CategoryKey()
  std::optional<std::string> object = std::nullopt;  // likewise
  std::optional<int> samples = std::nullopt;
  std::optional<uint64_t> seed = std::nullopt;
};

// What it is inspected with.
struct CategorySetting {
  std::string object;
  uint64_t seed = 0;
  int samples = 0;  // 0: the model's default
  Thresholds thresholds;
  std::optional<ScoreRanges> ranges = std::nullopt;
  std::optional<bool> apply_orientation = std::nullopt;  // as the good pictures were read; absent: not calibrated
};

// Immutable; safe from many threads.
class CategoryTable {
 public:
  CategoryTable() = default;
  // `fallback` is for categories that have no entry: without lines. The keys of `calibrated` are CategoryKey()s.
  CategoryTable(Thresholds fallback, std::map<std::string, CategoryDefaults> calibrated);

  // What the request says wins over the category's defaults; without either the object is the category itself and the
  // seed 0. Another object than the calibrated one makes another prompt, for which nobody drew lines: such a frame gets
  // the fallback's thresholds.
  CategorySetting Resolve(const CategoryRequest& request) const;

  const Thresholds& fallback() const { return fallback_; }
  const std::map<std::string, CategoryDefaults>& calibrated() const { return calibrated_; }

 private:
  Thresholds fallback_;
  std::map<std::string, CategoryDefaults> calibrated_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_VERDICT_CATEGORIES_H_
