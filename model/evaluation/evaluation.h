// Runs a model over a test set and scores what it says, twice:
//
//   reference   as the paper's code scores a data set: maps smoothed with sigma 8 at model size, image score made of
//               text score and top-k mean, both stretched to 0..1 over the category's pictures (docs/evaluation.md)
//   server      what the server answers: `score` and `map_score` as they are, maps smoothed with the package's sigma,
//               the mask and the verdict by the category's thresholds
//
// Every category is drawn as the server would draw it: with the words, samples and seed of its calibration where it has
// one.
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
#include "model/image/picture_reading.h"
#include "model/verdict/categories.h"
#include "model/verdict/verdict.h"

namespace bayespfl {

// Everything besides the data set that the numbers depend on.
struct EvaluationSetting {
  ModelInfo model = {};
  CategoryTable categories = {};                // MakeCategoryTable() of the model's
  std::optional<int> samples = std::nullopt;    // R, 1..kMaxSamples; absent: the category's, else the package's
  std::optional<uint64_t> seed = std::nullopt;  // key of the draws; absent: the category's, else 0
  bool seed_per_picture = false;                // each picture is drawn with the PictureSeed() of that one
  PictureReading reading = {};                  // of pictures; of masks as CheckMasks() says

  // What a picture of the category is inspected with; samples are never 0.
  [[nodiscard]] CategorySetting Of(const std::string& category) const;
};

// One picture of the data set, in the data set's order.
struct PictureResult {
  DatasetItem item = {};
  std::string skipped = {};       // why the picture does not count; empty: it does
  std::string remark = {};        // what people should know of its mask (GroundTruth::Remark()); it counts all the same
  std::string files_digest = {};  // SHA-256 over its files; empty when they cannot be read
  uint64_t seed = 0;              // it is drawn with; of a skipped picture that it would be
  float score = 0;                // 0..1, the server's image score (= the paper's text score)
  float score_std = 0;            // >= 0, population deviation of the score over the samples
  float map_score = 0;            // 0..1, mean of the hottest 0.75 % of the raw map
  double topk_mean = 0;           // 0..1, reference: mean of the raw map's k largest pixels
  double image_score = 0;  // 0..1, reference: within its category; image-only data sets: the stretched text score
  Verdict verdict = Verdict::kNone;  // as the server would say; kNone: the category has no lines

  bool shallow = false;           // HasShallowSamples(), of a picture that was inspected now
  bool stands_otherwise = false;  // StandsOtherwise() than the good pictures of its category

  [[nodiscard]] bool counts() const { return skipped.empty(); }
};

// Pixels of a category at its mask threshold: map >= threshold is inside.
struct MaskQuality {
  std::optional<double> precision;  // nullopt: nothing is inside
  std::optional<double> recall;     // nullopt: no pixel is anomalous
  std::optional<double> iou;        // nullopt: neither
};

// How many pictures of one class got each verdict.
struct VerdictCounts {
  int64_t pass = 0;
  int64_t review = 0;
  int64_t fail = 0;

  [[nodiscard]] int64_t total() const { return pass + review + fail; }
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
  VerdictCounts normal;     // of the category's lines; all 0: it has none
  VerdictCounts anomalous;  // likewise
};

struct CategoryResult {
  std::string name = {};
  CategorySetting setting = {};
  int64_t normal = 0;     // pictures that count
  int64_t anomalous = 0;  // likewise
  int64_t skipped = 0;
  int64_t remarks = 0;  // anomalous pictures that count with a PictureResult::remark
  float map_low = 0;    // least and greatest value of the category's maps, smoothed with the package's sigma
  float map_high = 0;
  ReferenceResult reference = {};
  ServerResult server = {};
};

// Over several seeds.
struct SpreadNumber {
  double mean = 0;
  double deviation = 0;  // standard, >= 0
};
struct SpreadRow {
  std::string name = {};
  std::vector<std::vector<std::optional<SpreadNumber>>> numbers = {};  // [table][column] of MetricTables()
};
struct SeedSpread {
  std::vector<uint64_t> seeds = {};  // the first one's is the evaluation that carries this
  std::vector<SpreadRow> categories = {};
  SpreadRow mean = {};  // of the mean over categories
};

struct Evaluation {
  std::string dataset_name = {};
  DatasetLayout layout = DatasetLayout::kMvtec;
  std::string split = {};           // empty: the data set has none
  bool image_only = false;          // no masks: no pixel numbers
  std::string dataset_digest = {};  // SHA-256 over names, labels and contents of all files
  EvaluationSetting setting = {};
  std::vector<PictureResult> pictures = {};
  std::vector<CategoryResult> categories = {};          // those with a picture that counts, by name
  std::optional<SeedSpread> over_seeds = std::nullopt;  // absent: one seed
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

// "cuda:1" -> "cuda": which card of a machine worked does not matter.
absl::string_view DeviceKind(absl::string_view device);

// The line that results are bound to: the program's version, model digest, device kind, listing of the data set,
// whether it has masks, how pictures are read, whether each gets a seed of its own, and each category's words, seed and
// samples. Files' contents are checked picture by picture.
std::string RunIdentity(const Dataset& dataset, const EvaluationSetting& setting);

// FailedPrecondition when the model's maps have fewer pixels than the reference's top-k of a category.
absl::Status CheckMapSize(const Dataset& dataset, const EvaluationSetting& setting);

// Runs the model, one picture at a time, on every picture that `state` does not know yet. Every picture of a category
// gets the same seed, or one made from that and from its file: its result depends neither on the order, nor on what
// else is in the data set, nor on where an earlier run stopped; it can be had again with `bayespfl-model inspect`. A
// picture that is broken is skipped with its reason; it may be that none counts. How many of the pictures inspected now
// HasShallowSamples(), and how many that count StandsOtherwise(), is said once. Errors of the device and of the disk
// end the run; what is done is kept.
absl::StatusOr<std::vector<PictureResult>> DetectAll(const Dataset& dataset, const EvaluationSetting& setting,
                                                     const Detector& detector, RunState& state,
                                                     EvaluationObserver& observer);

// The numbers of all categories; remarks are told to the observer. Reads maps and masks again, one at a time.
absl::StatusOr<Evaluation> Summarise(const Dataset& dataset, const EvaluationSetting& setting,
                                     std::vector<PictureResult> pictures, const RunState& state,
                                     EvaluationObserver& observer);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_EVALUATION_H_
