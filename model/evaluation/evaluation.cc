#include "model/evaluation/evaluation.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "base/sha256.h"
#include "model/detection/pixel_map.h"
#include "model/evaluation/ground_truth.h"
#include "model/evaluation/reference_scores.h"
#include "model/image/sample_bits.h"
#include "nlohmann/json.hpp"

namespace bayespfl {
namespace {

void AddText(absl::string_view name, absl::string_view text, Sha256& digest) {
  digest.AddFile(std::string(name), text.data(), text.size());
}

void AddItem(const DatasetItem& item, Sha256& digest) {
  AddText("image", item.image, digest);
  AddText("mask", item.mask, digest);
  AddText("category", item.category, digest);
  AddText("label", item.anomalous ? "1" : "0", digest);
}

std::string ListingDigest(const Dataset& dataset) {
  Sha256 digest;
  for (const DatasetItem& item : dataset.items) AddItem(item, digest);
  return digest.HexDigest();
}

std::string ContentDigest(const std::vector<PictureResult>& pictures) {
  Sha256 digest;
  for (const PictureResult& picture : pictures) {
    AddItem(picture.item, digest);
    AddText("files", picture.files_digest, digest);
  }
  return digest.HexDigest();
}

// "cuda:1" -> "cuda": which card of a machine worked does not matter.
absl::string_view DeviceKind(absl::string_view device) { return device.substr(0, device.find(':')); }

void CopyScores(const StoredScores& scores, PictureResult& picture) {
  picture.score = scores.score;
  picture.score_std = scores.score_std;
  picture.map_score = scores.map_score;
}

// The metrics rank numbers; a model with broken weights may give something else.
absl::Status CheckFinite(const Detection& detection) {
  const auto finite = [](float value) { return std::isfinite(value); };
  const bool scores = finite(detection.score) && finite(detection.score_std) && finite(detection.map_score);
  if (scores && std::all_of(detection.map.values.begin(), detection.map.values.end(), finite)) return absl::OkStatus();
  return absl::InternalError("the model gave a number that is not finite");
}

// Inspects one picture and keeps the result. A broken picture comes back with its reason; an error ends the run.
absl::Status DetectItem(const ItemFiles& files, int64_t index, const EvaluationSetting& setting,
                        const Detector& detector, RunState& state, PictureResult& picture) {
  const absl::StatusOr<RgbImage> image = DecodeBytes(files.picture, setting.significant_bits);
  absl::Status broken = image.status();
  if (broken.ok()) broken = CheckMask(files, *image);
  picture.shallow = broken.ok() && HasShallowSamples(*image);
  if (!broken.ok()) {
    picture.skipped = std::string(broken.message());
    return absl::OkStatus();
  }
  const Frame frame{.image = &*image,
                    .object = picture.item.category,
                    .seed = setting.seed,
                    .samples = setting.samples,
                    .map_size = MapSize::kModel,
                    .smooth = false};
  const absl::StatusOr<Detection> detection = std::move(detector.Detect({&frame, 1}).front());
  if (!detection.ok()) {
    return absl::Status(detection.status().code(),
                        absl::StrCat(picture.item.image, ": ", detection.status().message()));
  }
  if (absl::Status status = CheckFinite(*detection); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat(picture.item.image, ": ", status.message()));
  }
  const StoredScores scores{.score = detection->score,
                            .score_std = detection->score_std,
                            .map_score = detection->map_score,
                            .files_digest = picture.files_digest};
  CopyScores(scores, picture);
  return state.Put(index, scores, detection->map);
}

// ---------------------------------------------------------------------------------------------- numbers

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
  static absl::StatusOr<PixelScorer> Create(const RunState& state, const ModelInfo& model) {
    auto reference = PixelMetricsAccumulator::Create(state.folder().string());
    if (!reference.ok()) return reference.status();
    auto server = PixelMetricsAccumulator::Create(state.folder().string());
    if (!server.ok()) return server.status();
    return PixelScorer(*std::move(reference), *std::move(server), model);
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
              const ModelInfo& model)
      : reference_(std::move(reference)),
        server_(std::move(server)),
        at_threshold_(model.default_thresholds.mask),
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
};

absl::StatusOr<std::vector<uint8_t>> UnchangedMask(const Dataset& dataset, const PictureResult& picture, int side) {
  const absl::StatusOr<ItemFiles> files = ReadItem(dataset, picture.item);
  if (!files.ok()) return files.status();
  if (files->Digest() != picture.files_digest) {
    return absl::FailedPreconditionError(absl::StrCat(picture.item.image, " or its mask changed while this ran"));
  }
  return ItemMask(*files, side);
}

void WidenRange(const PixelMap& map, bool first, CategoryResult& category) {
  const auto [low, high] = std::minmax_element(map.values.begin(), map.values.end());
  category.map_low = first ? *low : std::min(category.map_low, *low);
  category.map_high = first ? *high : std::max(category.map_high, *high);
}

// Reads the raw maps once: top-k means, the range, and pixel numbers where there are masks.
absl::Status ScoreMaps(const CategoryWork& work, CategoryResult& category) {
  const ModelInfo& model = work.setting.model;
  const bool has_masks = !work.dataset.image_only;
  absl::StatusOr<PixelScorer> pixels = PixelScorer::Create(work.state, model);
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
    if (!has_masks) continue;
    const absl::StatusOr<std::vector<uint8_t>> mask = UnchangedMask(work.dataset, picture, raw->width);
    if (!mask.ok()) return mask.status();
    if (absl::Status status = pixels->Add(*raw, map, *mask); !status.ok()) return status;
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
  for (const PictureResult& picture : work.pictures) {
    ++(!picture.counts() ? category.skipped : picture.item.anomalous ? category.anomalous : category.normal);
  }
  if (category.normal + category.anomalous == 0) return category;
  if (absl::Status status = ScoreMaps(work, category); !status.ok()) return status;
  ScoreImages(work, category);
  return category;
}

}  // namespace

std::string RunIdentity(const Dataset& dataset, const EvaluationSetting& setting) {
  nlohmann::json identity = {{"version", BAYESPFL_VERSION},
                             {"model", setting.model.digest},
                             {"device", std::string(DeviceKind(setting.model.device))},
                             {"listing", ListingDigest(dataset)},
                             {"image_only", dataset.image_only},
                             {"seed", setting.seed},
                             {"samples", setting.samples}};
  if (setting.significant_bits.has_value()) identity["significant_bits"] = *setting.significant_bits;
  return identity.dump() + "\n";
}

absl::Status CheckMapSize(const Dataset& dataset, const EvaluationSetting& setting) {
  const int64_t pixels = int64_t{setting.model.image_size} * setting.model.image_size;
  for (const DatasetItem& item : dataset.items) {
    if (const int64_t k = ReferenceTopK(item.category); k > pixels) {
      return absl::FailedPreconditionError(absl::StrCat("the reference takes the mean of the ", k,
                                                        " hottest pixels of ", item.category,
                                                        "; this model's maps have ", pixels));
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<PictureResult>> DetectAll(const Dataset& dataset, const EvaluationSetting& setting,
                                                     const Detector& detector, RunState& state,
                                                     EvaluationObserver& observer) {
  for (const std::string& note : state.notes()) observer.Say(note);
  if (state.size() > 0) observer.Say(absl::StrCat("continues an earlier run with ", state.size(), " results"));
  observer.Begin("pictures", static_cast<int64_t>(dataset.items.size()));
  std::vector<PictureResult> pictures;
  int64_t inspected = 0;  // now, not by an earlier run
  int64_t shallow = 0;    // of them
  for (const DatasetItem& item : dataset.items) {
    const auto index = static_cast<int64_t>(pictures.size());
    PictureResult& picture = pictures.emplace_back(PictureResult{.item = item});
    bool fresh = true;
    const absl::StatusOr<ItemFiles> files = ReadItem(dataset, item);
    if (files.ok()) {
      picture.files_digest = files->Digest();
      if (const StoredScores* stored = state.Find(index, picture.files_digest); stored != nullptr) {
        CopyScores(*stored, picture);
        fresh = false;
      } else if (absl::Status status = DetectItem(*files, index, setting, detector, state, picture); !status.ok()) {
        return status;
      }
    } else {
      picture.skipped = std::string(files.status().message());
    }
    if (!picture.counts()) observer.Say(absl::StrCat("skipped ", item.image, ": ", picture.skipped));
    observer.Advance(fresh && picture.counts());
    inspected += fresh && picture.counts() ? 1 : 0;
    shallow += picture.shallow ? 1 : 0;
  }
  if (shallow > 0) {
    observer.Say(absl::StrCat("warning: ", shallow, " of ", inspected, " pictures: ", kShallowSamplesMessage));
  }
  if (state.dropped() > 0) {
    observer.Say(absl::StrCat(state.dropped(), " earlier result", state.dropped() == 1 ? "" : "s",
                              " had a damaged map or files that changed since; computed anew"));
  }
  if (std::none_of(pictures.begin(), pictures.end(), [](const PictureResult& picture) { return picture.counts(); })) {
    return absl::InvalidArgumentError(absl::StrCat("not one of ", pictures.size(), " pictures could be used"));
  }
  return pictures;
}

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
                            .first_index = static_cast<int64_t>(begin)};
    absl::StatusOr<CategoryResult> category = SummariseCategory(work);
    if (!category.ok()) return category.status();
    if (category->normal + category->anomalous > 0) evaluation.categories.push_back(*std::move(category));
    observer.Advance(/*fresh=*/true);
    begin = end;
  }
  return evaluation;
}

}  // namespace bayespfl
