// Runs a model over a test set and scores what it says, twice:
//
//   reference   as the paper's code scores a data set: maps smoothed with sigma 8 at model size, image score made of
//               text score and top-k mean, both stretched to 0..1 over the category's pictures (docs/evaluation.md)
//   server      what the server answers: `score` and `map_score` as they are, maps smoothed with the package's sigma
//
//   auto dataset = OpenDataset("data/mvtec", {});
//   auto state = RunState::Open("report/.state", RunIdentity(*dataset, setting), info.image_size);
//   auto pictures = DetectAll(*dataset, setting, detect, **state, observer);
//   auto evaluation = Summarise(*dataset, setting, *std::move(pictures), **state, observer);
#ifndef BAYESPFL_MODEL_EVALUATION_EVALUATION_H_
#define BAYESPFL_MODEL_EVALUATION_EVALUATION_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/detection/detector.h"
#include "model/evaluation/dataset.h"
#include "model/evaluation/pixel_metrics.h"
#include "model/evaluation/ranking_metrics.h"
#include "model/evaluation/reference_scores.h"
#include "model/evaluation/run_state.h"

namespace bayespfl {

// Everything besides the data set that the numbers depend on.
struct EvaluationSetting {
  ModelInfo model;
  int samples = 0;                                     // R, 1..kMaxSamples
  uint64_t seed = 0;                                   // key of the draws, the same for every picture
  std::optional<int> significant_bits = std::nullopt;  // of 16-bit pictures, 9..16; not of their masks
};

// One picture of the data set, in the data set's order.
struct PictureResult {
  DatasetItem item = {};
  std::string skipped = {};       // why the picture does not count; empty: it does
  std::string files_digest = {};  // SHA-256 over its files; empty when they cannot be read
  float score = 0;                // 0..1, the server's image score (= the paper's text score)
  float score_std = 0;            // >= 0, population deviation of the score over the samples
  float map_score = 0;            // 0..1, mean of the hottest 0.75 % of the raw map
  double topk_mean = 0;           // 0..1, reference: mean of the raw map's k largest pixels
  double image_score = 0;  // 0..1, reference: within its category; image-only data sets: the stretched text score

  bool shallow = false;  // HasShallowSamples(), of a picture that was inspected now

  [[nodiscard]] bool counts() const { return skipped.empty(); }
};

// Pixels of a category at the package's mask threshold: map >= threshold is inside.
struct MaskQuality {
  std::optional<double> precision;  // nullopt: nothing is inside
  std::optional<double> recall;     // nullopt: no pixel is anomalous
  std::optional<double> iou;        // nullopt: neither
};

struct ReferenceResult {
  RankingMetrics image;  // of PictureResult::image_score
  // What the reference's table shows for `image`; nullopt: no anomalous picture.
  std::optional<ReferenceImageNumbers> image_numbers;
  bool image_is_zero = false;  // all pictures are anomalous: the table shows 0
  PixelMetrics pixel;          // of maps smoothed with kReferenceSigma
};

struct ServerResult {
  RankingMetrics by_score;
  RankingMetrics by_map_score;
  PixelMetrics pixel;  // of maps smoothed with the package's sigma
  MaskQuality at_threshold;
};

struct CategoryResult {
  std::string name = {};
  int64_t normal = 0;     // pictures that count
  int64_t anomalous = 0;  // likewise
  int64_t skipped = 0;
  float map_low = 0;  // least and greatest value of the category's maps, smoothed with the package's sigma
  float map_high = 0;
  ReferenceResult reference = {};
  ServerResult server = {};
};

struct Evaluation {
  std::string dataset_name = {};
  DatasetLayout layout = DatasetLayout::kMvtec;
  std::string split = {};           // empty: the data set has none
  bool image_only = false;          // no masks: no pixel numbers
  std::string dataset_digest = {};  // SHA-256 over names, labels and contents of all files
  EvaluationSetting setting = {};
  std::vector<PictureResult> pictures = {};
  std::vector<CategoryResult> categories = {};  // those with a picture that counts, by name
};

// Hears how the work goes on. Called from the thread that does the work.
class EvaluationObserver {
 public:
  virtual ~EvaluationObserver() = default;
  // A step begins: "pictures", then "categories"; it has `total` parts.
  virtual void Begin(absl::string_view step, int64_t total) = 0;
  // One part is done; `fresh`: it was computed now, not read from an earlier run.
  virtual void Advance(bool fresh) = 0;
  // Something that people should read.
  virtual void Say(absl::string_view message) = 0;
};

// The line that results are bound to: the program's version, model digest, device kind, listing of the data set,
// whether it has masks, seed, samples and significant bits. Files' contents are checked picture by picture.
std::string RunIdentity(const Dataset& dataset, const EvaluationSetting& setting);

// FailedPrecondition when the model's maps have fewer pixels than the reference's top-k of a category.
absl::Status CheckMapSize(const Dataset& dataset, const EvaluationSetting& setting);

// Runs the model, one picture at a time, on every picture that `state` does not know yet. Every picture gets the same
// seed, so that its result depends neither on the order, nor on what else is in the data set, nor on where an earlier
// run stopped; it can be had again with `bayespfl-model inspect --seed`. A picture that is broken is skipped with its
// reason. How many of the pictures inspected now HasShallowSamples() is said once. InvalidArgument: not one picture
// counts. Errors of the device and of the disk end the run; what is done is kept.
absl::StatusOr<std::vector<PictureResult>> DetectAll(const Dataset& dataset, const EvaluationSetting& setting,
                                                     const Detector& detector, RunState& state,
                                                     EvaluationObserver& observer);

// The numbers of all categories. Reads maps and masks again, one at a time.
absl::StatusOr<Evaluation> Summarise(const Dataset& dataset, const EvaluationSetting& setting,
                                     std::vector<PictureResult> pictures, const RunState& state,
                                     EvaluationObserver& observer);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_EVALUATION_H_
