#include "model/training_run/training_run.h"

#include <algorithm>
#include <filesystem>
#include <iterator>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "model/detection/device_errors.h"
#include "model/training/trained_package.h"
#include "model/training/trainer.h"
#include "model/training_log/training_report.h"
#include "model/training_run/report_pictures.h"
#include "model/training_run/run_identity.h"
#include "model/training_run/run_log.h"
#include "model/training_run/run_parts.h"
#include "model/training_run/run_provenance.h"

namespace bayespfl {
namespace {

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

std::string NameOf(const RunParts& parts) {
  return parts.config.name.empty() ? parts.package.config.name : parts.config.name;
}

std::vector<std::string> NotesOf(const RunParts& parts, const TrainingResult& result) {
  std::vector<std::string> notes = parts.warnings;
  if (result.stage == 1) {
    notes.push_back(absl::StrCat(
        result.history.size() == 1 ? "The one epoch" : absl::StrCat("All ", result.history.size(), " epochs"),
        " went to stage 1: stage 2 has not begun, and the image score is that of stage 1's head."));
  }
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
  int64_t damaged = 0;
  for (const RunPictures* pictures : {&parts.training, &parts.validation}) {
    if (pictures->cache != nullptr) damaged += pictures->cache->damaged();
  }
  if (damaged > 0) {
    notes.push_back(absl::StrCat("The cache had ", damaged,
                                 " damaged entries, which were computed anew: its disk may be "
                                 "failing."));
  }
  return notes;
}

absl::Status WritePackage(const RunParts& parts, const TrainingResult& result, const PackageProvenance& provenance) {
  const TrainConfig& config = parts.config;
  return WriteTrainedPackage(parts.package, result.weights,
                             {.output_dir = ModelFolder(config).string(),
                              .stage = result.stage == kTowerStage ? 1 : result.stage,
                              .towers = result.stage == kTowerStage,
                              .name = NameOf(parts),
                              .version = config.version,
                              .provenance = provenance,
                              .documents = {{"training_data.jsonl", parts.training.pictures->set().DataList()},
                                            {"validation_data.jsonl", parts.validation.pictures->set().DataList()}}})
      .status();
}

// Without those of the start, which the package keeps.
PackageProvenance OfThisRun(const PackageProvenance& provenance) {
  PackageProvenance own;
  std::copy_if(provenance.begin(), provenance.end(), std::back_inserter(own),
               [](const auto& fact) { return !absl::StartsWith(fact.first, "start."); });
  return own;
}

absl::Status WriteReport(const RunParts& parts, const TrainingResult& result, const PackageProvenance& provenance,
                         const std::filesystem::path& file) {
  const TrainConfig& config = parts.config;
  absl::StatusOr<std::vector<ReportPicture>> pictures = DrawReportPictures(
      ModelFolder(config).string(), parts.validation.pictures->set(), config.report_pictures, config.device);
  if (!pictures.ok()) return pictures.status();
  return WriteFile(file, TrainingReportHtml({.title = absl::StrCat("Training of ", NameOf(parts)),
                                             .facts = OfThisRun(provenance),
                                             .epochs = result.history,
                                             .pictures = *std::move(pictures),
                                             .notes = NotesOf(parts, result)}));
}

// What is there already stays as it is: a package may have been calibrated since.
absl::Status WriteResults(const RunParts& parts, const TrainingResult& result) {
  std::error_code ignored;
  const bool has_package = std::filesystem::exists(ModelFolder(parts.config) / "config.json", ignored);
  const std::filesystem::path report = parts.config.output / "report.html";
  if (has_package && std::filesystem::exists(report, ignored)) return absl::OkStatus();
  const absl::StatusOr<PackageProvenance> provenance = ProvenanceOf(parts, result);
  if (!provenance.ok()) return provenance.status();
  if (!has_package) {
    if (absl::Status status = WritePackage(parts, result, *provenance); !status.ok()) return status;
  }
  return WriteReport(parts, result, *provenance, report);
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

absl::Status TrainingRun::RequireRoom() const { return RequireCacheRoom(*parts_); }

absl::StatusOr<TrainingOutcome> TrainingRun::Run() {
  const TrainConfig& config = parts_->config;
  const absl::Status room = RequireRoom();
  if (!room.ok()) return room;
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
  const absl::Status written = CatchDeviceErrors(absl::StatusCode::kInternal, "the results cannot be written",
                                                 [&] { return WriteResults(*parts_, *result); });
  if (!written.ok()) return written;
  return TrainingOutcome::kFinished;
}

}  // namespace bayespfl
