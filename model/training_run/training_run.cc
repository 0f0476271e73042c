#include "model/training_run/training_run.h"

#include <filesystem>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/sha256.h"
#include "model/detection/device.h"
#include "model/detection/device_errors.h"
#include "model/network/network_kernels.h"
#include "model/training/trained_package.h"
#include "model/training/trainer.h"
#include "model/training_log/training_report.h"
#include "model/training_run/report_pictures.h"
#include "model/training_run/run_log.h"
#include "model/training_run/run_parts.h"

namespace bayespfl {
namespace {

// What computes, so far as it decides bits.
std::string ComputedWith(const RunParts& parts) {
  return ComputeKernels(parts.device, parts.device.is_cpu() ? NetworkKernelsText(UsualNetworkKernels()) : "");
}

// Nothing of a run whose towers stay.
std::string TowersText(const TrainConfig& config, const std::string& teacher_digest) {
  if (config.mode == TrainMode::kStages) return "";
  return absl::StrCat("\ntowers, rate ", config.towers.learning_rate, ", decay ", config.towers.weight_decay, ", ",
                      config.towers.muon ? "muon, " : "", "teacher ", teacher_digest,
                      config.towers.bf16_products ? ", products of bf16" : "");
}

// What the run's bits depend on besides the trainer's own options.
std::string IdentityOf(const RunParts& parts) {
  const TrainingPicturesOptions& pictures = parts.config.pictures;
  const FeatureType type = parts.config.cache_type;
  // A cache that rounds belongs to what is trained; where it lies does not.
  const bool rounded = parts.training.cached != nullptr && type != FeatureType::kFp32;
  return Sha256Hex(absl::StrCat(
      "model ", parts.package.computation_digest, " at ", parts.package.config.image_size, "\ntraining ",
      parts.training.pictures->set().Digest(), "\nvalidation ", parts.validation.pictures->set().Digest(), "\naugment ",
      static_cast<int>(pictures.augment), " ", pictures.augment == AugmentMode::kFrozen ? pictures.frozen_variants : 0,
      " ", pictures.mosaic_probability.value_or(-1), "\nfeatures ", rounded ? static_cast<int>(type) : -1,
      "\ncomputed with ", ComputedWith(parts), TowersText(parts.config, parts.teacher_digest)));
}

TrainerOptions TrainerOptionsOf(const RunParts& parts) {
  const TrainConfig& config = parts.config;
  return {.seed = config.seed,
          .batch_size = config.batch_size,
          .course = {.epochs = config.epochs, .patience = config.patience},
          .validation = {.samples = config.samples, .scratch_folder = config.output.string()},
          .state_folder = (config.output / "state").string(),
          .identity = IdentityOf(parts),
          .save_steps = config.save_steps,
          .kept_states = config.kept_states};
}

PackageProvenance ProvenanceOf(const RunParts& parts, const TrainingResult& result) {
  const TrainingSet& set = parts.training.pictures->set();
  PackageProvenance provenance = {
      {"made_by", absl::StrCat("bayespfl-model train ", BAYESPFL_VERSION)},
      {"started_from", absl::StrCat(parts.package.config.name, " ", parts.package.version())},
      {"start_digest", parts.package.digest},
      {"training_pictures", absl::StrCat(set.items.size())},
      {"training_data_digest", set.Digest()},
      {"validation_data_digest", parts.validation.pictures->set().Digest()},
      {"seed", absl::StrCat(parts.config.seed)},
      {"batch_size", absl::StrCat(parts.config.batch_size)},
      {"epochs", absl::StrCat(result.history.size())},
      {"computed_with", ComputedWith(parts)}};
  if (parts.config.mode == TrainMode::kTowers) provenance.emplace_back("mode", "towers");
  if (!parts.teacher_digest.empty()) provenance.emplace_back("teacher_digest", parts.teacher_digest);
  return provenance;
}

std::vector<std::string> NotesOf(const RunParts& parts) {
  std::vector<std::string> notes;
  for (const BadPicture& bad : parts.training.pictures->set().bad) notes.push_back("left out: " + bad.Sentence());
  if (parts.config.pictures.augment == AugmentMode::kFrozen) {
    notes.push_back(absl::StrCat("Each picture was seen in ", parts.config.pictures.frozen_variants,
                                 " fixed variants, which the epochs took in turn; the paper draws new ones in each "
                                 "epoch."));
  }
  if (parts.training.cached != nullptr) {
    const CacheUse& use = parts.training.cached->use();
    notes.push_back(absl::StrCat("Of the pictures that were learned from, the tower's features were computed ",
                                 use.computed, " times and found in the cache ", use.found,
                                 " times since the run was last started."));
  }
  return notes;
}

absl::Status WriteResults(const RunParts& parts, const TrainingResult& result) {
  const TrainConfig& config = parts.config;
  const absl::Status listed = WriteFile(config.output / "data.jsonl", parts.training.pictures->set().DataList());
  if (!listed.ok()) return listed;
  const std::string folder = (config.output / "model").string();
  const PackageProvenance provenance = ProvenanceOf(parts, result);
  const absl::StatusOr<ModelConfig> written =
      WriteTrainedPackage(parts.package, result.weights,
                          {.output_dir = folder,
                           .overwrite = true,
                           .stage = result.stage == kTowerStage ? 1 : result.stage,
                           .towers = result.stage == kTowerStage,
                           .name = config.name.empty() ? parts.package.config.name : config.name,
                           .version = config.version,
                           .provenance = provenance});
  if (!written.ok()) return written.status();
  absl::StatusOr<std::vector<ReportPicture>> pictures =
      DrawReportPictures(folder, parts.validation.pictures->set(), config.report_pictures, config.device);
  if (!pictures.ok()) return pictures.status();
  return WriteFile(config.output / "report.html",
                   TrainingReportHtml({.title = absl::StrCat("Training of ", written->name),
                                       .facts = provenance,
                                       .epochs = result.history,
                                       .pictures = *std::move(pictures),
                                       .notes = NotesOf(parts)}));
}

absl::Status MakeFolder(const std::filesystem::path& folder) {
  std::error_code failed;
  std::filesystem::create_directories(folder, failed);
  return failed ? FileError("make", folder, failed.value()) : absl::OkStatus();
}

}  // namespace

TrainingRun::TrainingRun(std::unique_ptr<RunParts> parts, TrainingRunObserver observer)
    : parts_(std::move(parts)), observer_(std::move(observer)) {}

TrainingRun::~TrainingRun() = default;

absl::StatusOr<std::unique_ptr<TrainingRun>> TrainingRun::Open(const TrainConfig& config,
                                                               const TrainingRunObserver& observer) {
  absl::StatusOr<std::unique_ptr<RunParts>> parts = OpenRunParts(config, *observer.text, observer.terminal);
  if (!parts.ok()) return parts.status();
  return std::unique_ptr<TrainingRun>(new TrainingRun(*std::move(parts), observer));
}

absl::StatusOr<TrainingPlan> TrainingRun::Plan() const {
  absl::StatusOr<TrainingPlan> plan = TrainingPlan();
  const absl::Status measured = CatchDeviceErrors(absl::StatusCode::kInternal, "measuring a step failed", [&] {
    plan = MeasurePlan(*parts_);
    return plan.status();
  });
  if (!measured.ok()) return measured;
  return plan;
}

absl::StatusOr<TrainingOutcome> TrainingRun::Run() {
  const TrainConfig& config = parts_->config;
  const absl::Status made = MakeFolder(config.output);
  if (!made.ok()) return made;
  RunLog log({.folder = config.output,
              .epochs = config.epochs,
              .text = observer_.text,
              .terminal = observer_.terminal,
              .should_stop = observer_.should_stop});
  Trainer trainer(*parts_->task, *parts_->training.data, *parts_->validation.data, TrainerOptionsOf(*parts_));
  const absl::StatusOr<TrainingResult> result = trainer.Run(log);
  if (!result.ok()) return result.status();
  if (!log.status().ok()) return log.status();
  if (!result->finished) return TrainingOutcome::kStopped;
  const absl::Status written = WriteResults(*parts_, *result);
  if (!written.ok()) return written;
  return TrainingOutcome::kFinished;
}

}  // namespace bayespfl
