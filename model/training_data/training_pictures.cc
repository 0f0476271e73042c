#include "model/training_data/training_pictures.h"

#include <array>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/sha256.h"
#include "model/clip/preprocess.h"
#include "model/image/resample.h"
#include "model/training_data/augmentation.h"
#include "model/training_data/draws.h"
#include "model/training_data/mosaic.h"

namespace bayespfl {
namespace {

// Of what variants look like for a given key. Raise it with any change of that, so that no cache gives old pictures.
constexpr char kVariantVersion[] = "augmented pictures, version 1";

std::string Words(const std::string& category, const ModelConfig& config) {
  const auto found = config.category_names.find(category);
  return found == config.category_names.end() ? category : found->second;
}

}  // namespace

PreparedPicture Prepare(const LabelledPicture& labelled, const ModelConfig& config) {
  const int side = static_cast<int>(config.image_size);
  PreparedPicture prepared{.image = Preprocess(labelled.picture, config), .mask = {}, .anomalous = labelled.anomalous};
  const std::vector<uint8_t> mask = Resample8(labelled.mask, labelled.picture.width, labelled.picture.height,
                                              /*channels=*/1, side, side, ResampleFilter::kBilinear);
  prepared.mask.reserve(mask.size());
  for (const uint8_t value : mask) prepared.mask.push_back(static_cast<float>(value) / 255.0F);
  return prepared;
}

TrainingPictures::TrainingPictures(TrainingSet set, ModelConfig config, const TrainingPicturesOptions& options)
    : set_(std::move(set)), config_(std::move(config)), options_(options) {
  std::map<std::pair<size_t, std::string>, size_t> known;
  for (size_t i = 0; i < set_.items.size(); ++i) {
    const TrainingItem& item = set_.items[i];
    const size_t pool = known.try_emplace({item.source, item.item.category}, pools_.size()).first->second;
    if (pool == pools_.size()) pools_.emplace_back();
    if (item.item.anomalous) pools_[pool].push_back(i);
    pool_of_.push_back(pool);
  }
}

std::optional<int> TrainingPictures::variants() const {
  switch (options_.augment) {
    case AugmentMode::kNone:
      return 1;
    case AugmentMode::kFrozen:
      return options_.frozen_variants;
    case AugmentMode::kOnline:
      break;
  }
  return std::nullopt;
}

double TrainingPictures::MosaicProbability(const TrainingItem& item) const {
  if (options_.mosaic_probability.has_value()) return *options_.mosaic_probability;
  return set_.datasets[item.source].layout == DatasetLayout::kMvtec ? kMosaicProbability : 0.0;
}

std::vector<size_t> TrainingPictures::DrawParts(size_t index, uint64_t epoch) const {
  const std::vector<size_t>& pool = pools_[pool_of_[index]];
  Draws draws(options_.seed, PictureDraw::kMosaic, epoch, index);
  if (!draws.Chance(MosaicProbability(set_.items[index])) || pool.empty()) return {index};
  std::vector<size_t> parts(4);
  for (size_t& part : parts) part = pool[static_cast<size_t>(draws.Below(static_cast<int64_t>(pool.size())))];
  return parts;
}

PictureVariant TrainingPictures::Variant(int64_t index, uint64_t epoch) const {
  const auto at = static_cast<size_t>(index);
  if (options_.augment == AugmentMode::kNone) return {.parts = {at}, .digest = set_.PixelDigest(set_.items[at])};
  if (options_.augment == AugmentMode::kFrozen) epoch %= static_cast<uint64_t>(options_.frozen_variants);
  PictureVariant variant{.parts = DrawParts(at, epoch), .epoch = epoch};
  std::string key = absl::StrCat(kVariantVersion, "\n", options_.seed, " ", epoch, " ", index, "\n");
  for (const size_t part : variant.parts) absl::StrAppend(&key, set_.PixelDigest(set_.items[part]), "\n");
  variant.digest = Sha256Hex(key);
  return variant;
}

absl::StatusOr<LabelledPicture> TrainingPictures::GetFullSize(int64_t index, uint64_t epoch) const {
  if (index < 0 || index >= size()) {
    return absl::OutOfRangeError(absl::StrCat("there is no picture ", index, " among ", size()));
  }
  const PictureVariant variant = Variant(index, epoch);
  std::array<LabelledPicture, 4> parts;
  for (size_t i = 0; i < variant.parts.size(); ++i) {
    absl::StatusOr<LabelledPicture> part = LoadPicture(set_, set_.items[variant.parts[i]]);
    if (!part.ok()) return part.status();
    parts[i] = *std::move(part);
  }
  LabelledPicture labelled = variant.parts.size() == 1 ? std::move(parts[0]) : MakeMosaic(parts);
  if (!variant.epoch.has_value()) return labelled;
  const auto number = static_cast<uint64_t>(index);
  Draws draws(options_.seed, PictureDraw::kAugmentation, *variant.epoch, number);
  Augment(DrawAugmentation(draws), Draws(options_.seed, PictureDraw::kNoise, *variant.epoch, number), labelled);
  return labelled;
}

absl::StatusOr<PreparedPicture> TrainingPictures::Get(int64_t index, uint64_t epoch) const {
  const absl::StatusOr<LabelledPicture> labelled = GetFullSize(index, epoch);
  if (!labelled.ok()) return labelled.status();
  PreparedPicture prepared = Prepare(*labelled, config_);
  const TrainingItem& item = set_.items[static_cast<size_t>(index)];
  prepared.object = Words(item.item.category, config_);
  prepared.category = set_.CategoryOf(item);
  return prepared;
}

}  // namespace bayespfl
