#include "model/training_run/run_provenance.h"

#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/package/limits.h"
#include "model/training_run/run_identity.h"

namespace bayespfl {
namespace {

void AddTowers(const RunParts& parts, PackageProvenance& provenance) {
  const TowersConfig& towers = parts.config.towers;
  provenance.insert(provenance.end(), {{"mode", "towers"},
                                       {"optimiser", towers.muon ? "muon" : "adamw"},
                                       {"learning_rate", absl::StrCat(towers.learning_rate)},
                                       {"weight_decay", absl::StrCat(towers.weight_decay)},
                                       {"precision", towers.bf16_products ? "bf16" : "fp32"}});
  if (!parts.teacher_digest.empty()) provenance.emplace_back("teacher_digest", parts.teacher_digest);
}

}  // namespace

absl::StatusOr<PackageProvenance> ProvenanceOf(const RunParts& parts, const TrainingResult& result) {
  const absl::StatusOr<std::string> start = ReadFile(parts.config.model / "config.json", kMaxConfigBytes);
  if (!start.ok()) return start.status();
  const absl::StatusOr<PackageProvenance> before = ReadProvenance(*start);
  if (!before.ok()) return before.status();

  // Builds between two releases have one version.
  const absl::StatusOr<std::string> program = Sha256OfFile("/proc/self/exe");
  if (!program.ok()) return program.status();

  const TrainConfig& config = parts.config;
  const TrainingSet& learned = parts.training.pictures->set();
  const TrainingSet& judged = parts.validation.pictures->set();
  PackageProvenance provenance = {
      {"made_by", absl::StrCat("bayespfl-model train ", BAYESPFL_VERSION)},
      {"program_digest", *program},
      {"started_from", absl::StrCat(parts.package.config.name, " ", parts.package.version())},
      {"start_digest", parts.package.digest},
      {"training_pictures", absl::StrCat(learned.items.size())},
      {"training_data_digest", learned.Digest()},
      {"validation_pictures", absl::StrCat(judged.items.size())},
      {"validation_data_digest", judged.Digest()},
      {"seed", absl::StrCat(config.seed)},
      {"image_size", absl::StrCat(parts.package.config.image_size)},
      {"batch_size", absl::StrCat(config.batch_size)},
      {"epochs", absl::StrCat(result.history.size(), " of at most ", config.epochs)},
      {"patience", absl::StrCat(config.patience)},
      {"samples", absl::StrCat(config.samples)},
      {"augment", AugmentText(config.pictures)},
      {"mosaic", MosaicText(config.pictures)},
      {"cache_type", parts.training.cached == nullptr ? "none" : std::string(NameOf(config.cache_type))},
      {"computed_with", ComputedWith(parts)}};
  if (config.mode == TrainMode::kTowers) AddTowers(parts, provenance);
  for (const auto& [key, value] : *before) provenance.emplace_back(absl::StrCat("start.", key), value);
  return provenance;
}

}  // namespace bayespfl
