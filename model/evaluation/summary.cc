// Summarise() of evaluation.h.
#include <algorithm>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/sha256.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/dataset_digest.h"
#include "model/evaluation/evaluation.h"
#include "model/evaluation/ground_truth.h"
#include "model/evaluation/reference_scores.h"
#include "model/verdict/regions.h"

namespace bayespfl {
namespace {

std::string ContentDigest(const std::vector<PictureResult>& pictures) {
  Sha256 digest;
  for (const PictureResult& picture : pictures) {
    AddToDigest(picture.item, digest);
    digest.AddFile("files", picture.files_digest.data(), picture.files_digest.size());
  }
  return digest.HexDigest();
}

// Counts pixels against the mask threshold.
class ThresholdCounter {
 public:
  explicit ThresholdCounter(float threshold) : threshold_(threshold) {}

  void Add(const PixelMap& map, absl::Span<const uint8_t> mask) {
    for (size_t i = 0; i < mask.size(); ++i) {
      const bool inside = map.values[i] >= threshold_;
      hits_ += inside && mask[i] != 0 ? 1 : 0;
      inside_ += inside ? 1 : 0;
      anomalous_ += mask[i] != 0 ? 1 : 0;
    }
  }

  [[nodiscard]] MaskQuality Result() const {
    return {.precision = Share(inside_), .recall = Share(anomalous_), .iou = Share(inside_ + anomalous_ - hits_)};
  }

 private:
  [[nodiscard]] std::optional<double> Share(int64_t of) const {
    if (of == 0) return std::nullopt;
    return static_cast<double>(hits_) / static_cast<double>(of);
  }

  float threshold_;
  int64_t hits_ = 0;
  int64_t inside_ = 0;
  int64_t anomalous_ = 0;
};

// The pixel numbers of one category, gathered map by map.
class PixelScorer {
 public:
  // `mask_threshold` is the category's.
  static absl::StatusOr<PixelScorer> Create(const RunState& state, const ModelInfo& model, float mask_threshold) {
    auto reference = PixelMetricsAccumulator::Create(state.folder().string());
    if (!reference.ok()) return reference.status();
    auto server = PixelMetricsAccumulator::Create(state.folder().string());
    if (!server.ok()) return server.status();
    return PixelScorer(*std::move(reference), *std::move(server), model, mask_threshold);
  }

  // `map` is the raw one smoothed with the package's sigma.
  absl::Status Add(const PixelMap& raw, const PixelMap& map, absl::Span<const uint8_t> mask) {
    at_threshold_.Add(map, mask);
    if (absl::Status status = server_->Add(map, mask); !status.ok() || same_maps_) return status;
    return reference_->Add(SmoothMap(raw, kReferenceSigma), mask);
  }

  absl::Status Finish(CategoryResult& category) {
    absl::StatusOr<PixelMetrics> server = server_->Finish();
    if (!server.ok()) return server.status();
    absl::StatusOr<PixelMetrics> reference = same_maps_ ? server : reference_->Finish();
    if (!reference.ok()) return reference.status();
    category.server.pixel = *std::move(server);
    category.server.at_threshold = at_threshold_.Result();
    category.reference.pixel = *std::move(reference);
    return absl::OkStatus();
  }

 private:
  PixelScorer(std::unique_ptr<PixelMetricsAccumulator> reference, std::unique_ptr<PixelMetricsAccumulator> server,
              const ModelInfo& model, float mask_threshold)
      : reference_(std::move(reference)),
        server_(std::move(server)),
        at_threshold_(mask_threshold),
        same_maps_(model.map_smoothing_sigma == kReferenceSigma) {}

  std::unique_ptr<PixelMetricsAccumulator> reference_;
  std::unique_ptr<PixelMetricsAccumulator> server_;
  ThresholdCounter at_threshold_;
  bool same_maps_;  // one smoothing serves both
};

// One category on its way through the maps.
struct CategoryWork {
  const Dataset& dataset;
  const EvaluationSetting& setting;
  const RunState& state;
  absl::Span<PictureResult> pictures;  // of the category
  int64_t first_index;                 // of pictures[0] in the data set
  EvaluationObserver& observer;
};

absl::StatusOr<GroundTruth> UnchangedTruth(const CategoryWork& work, const PictureResult& picture, int side) {
  const absl::StatusOr<ItemFiles> files = ReadItem(work.dataset, picture.item);
  if (!files.ok()) return files.status();
  if (files->Digest() != picture.files_digest) {
    return absl::FailedPreconditionError(absl::StrCat(picture.item.image, " or its mask changed while this ran"));
  }
  return ItemGroundTruth(*files, side, work.setting.reading);
}

void WidenRange(const PixelMap& map, bool first, CategoryResult& category) {
  const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
  category.map_low = first ? *low : std::min(category.map_low, *low);
  category.map_high = first ? *high : std::max(category.map_high, *high);
}

// The server's verdict, by the category's lines.
void JudgePicture(const PixelMap& map, CategoryResult& category, PictureResult& picture) {
  const Thresholds& thresholds = category.setting.thresholds;
  if (thresholds.lines.empty()) return;
  const RegionReport regions = FindRegions(map, {.threshold = thresholds.mask,
                                                 .min_fraction = thresholds.min_region_fraction,
                                                 .frame_width = map.width,
                                                 .frame_height = map.height});
  picture.verdict =
      Decide(
          {.score = picture.score, .map_score = picture.map_score, .largest_region_fraction = regions.largest_fraction},
          thresholds)
          .verdict;
  VerdictCounts& counts = picture.item.anomalous ? category.server.anomalous : category.server.normal;
  ++(picture.verdict == Verdict::kFail     ? counts.fail
     : picture.verdict == Verdict::kReview ? counts.review
                                           : counts.pass);
}

// Reads the raw maps once: top-k means, the range, and pixel numbers where there are masks.
absl::Status ScoreMaps(const CategoryWork& work, CategoryResult& category) {
  const ModelInfo& model = work.setting.model;
  const bool has_masks = !work.dataset.image_only;
  absl::StatusOr<PixelScorer> pixels = PixelScorer::Create(work.state, model, category.setting.thresholds.mask);
  if (!pixels.ok()) return pixels.status();
  const int64_t k = ReferenceTopK(category.name);
  bool first = true;
  for (size_t i = 0; i < work.pictures.size(); ++i) {
    PictureResult& picture = work.pictures[i];
    if (!picture.counts()) continue;
    const absl::StatusOr<PixelMap> raw = work.state.LoadMap(work.first_index + static_cast<int64_t>(i));
    if (!raw.ok()) return raw.status();
    const absl::StatusOr<double> topk = TopKMean(*raw, k);
    if (!topk.ok()) return topk.status();
    picture.topk_mean = *topk;
    const PixelMap map = SmoothMap(*raw, model.map_smoothing_sigma);
    WidenRange(map, std::exchange(first, false), category);
    JudgePicture(map, category, picture);
    if (!has_masks) continue;
    const absl::StatusOr<GroundTruth> truth = UnchangedTruth(work, picture, raw->width);
    if (!truth.ok()) return truth.status();
    if (picture.item.anomalous) picture.remark = std::string(truth->Remark());
    if (absl::Status status = pixels->Add(*raw, map, truth->values); !status.ok()) return status;
  }
  return has_masks ? pixels->Finish(category) : absl::OkStatus();
}

// The columns of a category's pictures that count.
struct ScoreColumns {
  std::vector<uint8_t> labels;
  std::vector<double> score;
  std::vector<double> map_score;
  std::vector<double> topk_mean;
};

ScoreColumns Columns(absl::Span<const PictureResult> pictures) {
  ScoreColumns columns;
  for (const PictureResult& picture : pictures) {
    if (!picture.counts()) continue;
    columns.labels.push_back(picture.item.anomalous ? 1 : 0);
    columns.score.push_back(picture.score);
    columns.map_score.push_back(picture.map_score);
    columns.topk_mean.push_back(picture.topk_mean);
  }
  return columns;
}

void ScoreImages(const CategoryWork& work, CategoryResult& category) {
  const ScoreColumns columns = Columns(work.pictures);
  const bool image_only = work.dataset.image_only;
  const std::vector<double> image_scores =
      image_only ? MinMax(columns.score) : FinalImageScores(columns.score, columns.topk_mean);
  size_t next = 0;
  for (PictureResult& picture : work.pictures) {
    if (picture.counts()) picture.image_score = image_scores[next++];
  }
  category.reference.image =
      RankScores(image_scores, columns.labels, image_only ? kClassificationOnlyF1Epsilon : kImageF1Epsilon);
  const std::optional<ReferenceImageNumbers> shown = ReferenceImageTable(category.reference.image);
  category.reference.image_is_zero = category.normal == 0;
  category.reference.image_numbers = shown;
  category.server.by_score = RankScores(columns.score, columns.labels, kImageF1Epsilon);
  category.server.by_map_score = RankScores(columns.map_score, columns.labels, kImageF1Epsilon);
}

absl::StatusOr<CategoryResult> SummariseCategory(const CategoryWork& work) {
  CategoryResult category{.name = work.pictures.front().item.category};
  category.setting = work.setting.Of(category.name);
  for (const PictureResult& picture : work.pictures) {
    ++(!picture.counts() ? category.skipped : picture.item.anomalous ? category.anomalous : category.normal);
  }
  if (category.normal + category.anomalous == 0) return category;
  if (absl::Status status = ScoreMaps(work, category); !status.ok()) return status;
  ScoreImages(work, category);
  for (const PictureResult& picture : work.pictures) {
    if (picture.remark.empty()) continue;
    ++category.remarks;
    work.observer.Say(absl::StrCat(picture.item.image, ": ", picture.remark));
  }
  return category;
}

}  // namespace

absl::StatusOr<Evaluation> Summarise(const Dataset& dataset, const EvaluationSetting& setting,
                                     std::vector<PictureResult> pictures, const RunState& state,
                                     EvaluationObserver& observer) {
  Evaluation evaluation{.dataset_name = dataset.name,
                        .layout = dataset.layout,
                        .split = dataset.split,
                        .image_only = dataset.image_only,
                        .dataset_digest = ContentDigest(pictures),
                        .setting = setting,
                        .pictures = std::move(pictures)};
  evaluation.setting.model.device = std::string(DeviceKind(setting.model.device));
  std::vector<PictureResult>& all = evaluation.pictures;
  int64_t categories = 0;
  for (size_t i = 0; i < all.size(); ++i) categories += i == 0 || all[i].item.category != all[i - 1].item.category;
  observer.Begin("categories", categories);
  for (size_t begin = 0; begin < all.size();) {
    size_t end = begin;
    while (end < all.size() && all[end].item.category == all[begin].item.category) ++end;
    const CategoryWork work{.dataset = dataset,
                            .setting = setting,
                            .state = state,
                            .pictures = absl::MakeSpan(all).subspan(begin, end - begin),
                            .first_index = static_cast<int64_t>(begin),
                            .observer = observer};
    absl::StatusOr<CategoryResult> category = SummariseCategory(work);
    if (!category.ok()) return category.status();
    if (category->normal + category->anomalous > 0) evaluation.categories.push_back(*std::move(category));
    observer.Advance(/*fresh=*/true);
    begin = end;
  }
  return evaluation;
}

}  // namespace bayespfl
