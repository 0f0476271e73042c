#include "model/training_run/run_identity.h"

#include "absl/strings/str_cat.h"
#include "model/detection/device.h"
#include "model/network/network_kernels.h"

namespace bayespfl {
namespace {

void AddTowers(const RunParts& parts, RunIdentity& identity) {
  const TowersConfig& towers = parts.config.towers;
  identity["learning_rate"] = absl::StrCat(towers.learning_rate);
  identity["weight_decay"] = absl::StrCat(towers.weight_decay);
  identity["optimiser"] = towers.muon ? "muon" : "adamw";
  identity["precision"] = towers.bf16_products ? "bf16" : "fp32";
  identity["teacher"] = parts.teacher_digest.empty() ? "none" : parts.teacher_digest;
}

// A cached picture's features are computed alone, others in batches, whose sums may be rounded otherwise; and a type of
// two bytes rounds them.
std::string FeaturesOf(const RunPictures& pictures, FeatureType type) {
  return pictures.cached == nullptr ? "computed" : absl::StrCat("cached in ", NameOf(type));
}

}  // namespace

std::string ComputedWith(const RunParts& parts) {
  return ComputeKernels(parts.device, parts.device.is_cpu() ? NetworkKernelsText(UsualNetworkKernels()) : "");
}

RunIdentity IdentityOf(const RunParts& parts) {
  const TrainConfig& config = parts.config;
  RunIdentity identity = {
      {"model", parts.package.computation_digest},
      {"mode", config.mode == TrainMode::kTowers ? "towers" : "stages"},
      {"image_size", absl::StrCat(parts.package.config.image_size)},
      {"the training's list of data", parts.training.pictures->set().Digest()},
      {"the validation's list of data", parts.validation.pictures->set().Digest()},
      {"augment", AugmentText(config.pictures)},
      {"mosaic", MosaicText(config.pictures)},
      {"the training's features", FeaturesOf(parts.training, config.cache_type)},
      {"the validation's features", FeaturesOf(parts.validation, FeatureType::kFp32)},
      {"what computes (threads, processor)", ComputedWith(parts)},
  };
  if (config.mode == TrainMode::kTowers) AddTowers(parts, identity);
  return identity;
}

}  // namespace bayespfl
