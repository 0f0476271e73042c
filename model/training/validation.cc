#include "model/training/validation.h"

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <numeric>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "model/evaluation/ranking_metrics.h"
#include "model/network/noise.h"
#include "model/training/draws.h"

namespace bayespfl {
namespace {

// What is gathered of one object's pictures.
struct Class {
  std::unique_ptr<PixelMetricsAccumulator> pixels;
  std::vector<double> scores;
  std::vector<uint8_t> labels;
};

PixelMap ToPixelMap(const torch::Tensor& map) {
  const torch::Tensor values = map.to(torch::kCPU).contiguous();
  PixelMap pixels;
  pixels.width = static_cast<int>(values.size(1));
  pixels.height = static_cast<int>(values.size(0));
  pixels.values.assign(values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel());
  return pixels;
}

// Measures picture by picture.
class Validation {
 public:
  Validation(const BayesPflModel& model, uint64_t key, const ValidationOptions& options)
      : model_(model), key_(key), options_(options) {}

  // The first of the batch is picture number `first` of the data.
  absl::Status Add(LabelledBatch batch, int64_t first) {
    if (!batch.features.image.defined()) batch.features = model_.EncodeImages(batch.images);
    const torch::Tensor embeddings = model_.image_head().ImageEmbedding(batch.features);
    std::vector<torch::Tensor> patches;
    for (size_t layer = 0; layer < batch.features.patch_tokens.size(); ++layer) {
      patches.push_back(model_.rca().ProjectPatches(layer, batch.features.patch_tokens[layer]));
    }
    for (int64_t i = 0; i < batch.labels.size(0); ++i) {
      const auto picture = static_cast<size_t>(i);
      const NoiseSeeds seeds = {.image_specific = DrawKey(key_, DrawPurpose::kNoise, static_cast<uint64_t>(first + i)),
                                .image_agnostic = key_};
      const PromptInput prompt = {
          .token_ids = batch.token_ids[picture],
          .noise = DrawPromptNoise(seeds, options_.samples, model_.config().embed_dim, model_.device())};
      const torch::Tensor text = model_.EncodePrompts(batch.features.image.slice(0, i, i + 1), {prompt})[0];
      std::vector<torch::Tensor> own;
      for (const torch::Tensor& layer : patches) own.push_back(layer[i]);
      const torch::Tensor map = model_.MapAnomalies(text, own, options_.samples, /*want_deviation=*/false).mean;
      const float score = model_.ScoreImage(text, embeddings[i], options_.samples).mean;
      if (absl::Status status = AddPicture(batch, i, score, ToPixelMap(map)); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::StatusOr<ValidationScores> Finish() {
    if (classes_.empty()) return absl::InvalidArgumentError("there is no picture to validate with");
    ValidationScores mean;
    for (auto& [category, gathered] : classes_) {
      const RankingMetrics images = RankScores(gathered.scores, gathered.labels, kImageF1Epsilon);
      const absl::StatusOr<PixelMetrics> pixels = gathered.pixels->Finish();
      if (!pixels.ok()) return pixels.status();
      if (!images.average_precision.has_value() || !pixels->ranking.average_precision.has_value()) {
        return absl::InvalidArgumentError(absl::StrCat(
            "the category ", category, " has no defective picture, or none with a marked pixel, to validate with"));
      }
      mean.image_ap += *images.average_precision / static_cast<double>(classes_.size());
      mean.pixel_ap += *pixels->ranking.average_precision / static_cast<double>(classes_.size());
    }
    return mean;
  }

 private:
  absl::Status AddPicture(const LabelledBatch& batch, int64_t row, float score, const PixelMap& map) {
    Class& own = classes_[batch.categories[static_cast<size_t>(row)]];
    if (own.pixels == nullptr) {
      auto pixels = PixelMetricsAccumulator::Create(options_.scratch_folder, options_.pixels);
      if (!pixels.ok()) return pixels.status();
      own.pixels = *std::move(pixels);
    }
    own.scores.push_back(score);
    own.labels.push_back(static_cast<uint8_t>(batch.labels[row].item<int64_t>()));
    const torch::Tensor mask = batch.positive[row].to(torch::kCPU).to(torch::kUInt8).contiguous();
    return own.pixels->Add(map, {mask.const_data_ptr<uint8_t>(), static_cast<size_t>(mask.numel())});
  }

  const BayesPflModel& model_;
  const uint64_t key_;
  const ValidationOptions& options_;
  std::map<std::string, Class> classes_;
};

}  // namespace

absl::StatusOr<ValidationScores> Validate(const BayesPflModel& model, LabelledData& data, uint64_t key,
                                          const ValidationOptions& options) {
  const torch::NoGradGuard no_grad;
  constexpr uint64_t kEpoch = 0;  // every validation sees the same pictures
  Validation validation(model, key, options);
  std::vector<int64_t> all(static_cast<size_t>(data.size()));
  std::iota(all.begin(), all.end(), 0);
  const auto batch_of = [&](int64_t first) {
    return absl::MakeConstSpan(all).subspan(static_cast<size_t>(first), static_cast<size_t>(options.batch_size));
  };
  for (int64_t first = 0; first < data.size(); first += options.batch_size) {
    if (options.should_stop()) return absl::CancelledError("the validation was to stop");
    absl::StatusOr<LabelledBatch> batch = data.Get(batch_of(first), kEpoch);
    if (!batch.ok()) return batch.status();
    const int64_t next = first + options.batch_size;
    if (next < data.size()) data.Announce(batch_of(next), kEpoch);
    if (absl::Status status = validation.Add(*std::move(batch), first); !status.ok()) return status;
  }
  return validation.Finish();
}

}  // namespace bayespfl
