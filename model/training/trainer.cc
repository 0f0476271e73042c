#include "model/training/trainer.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>

#include "absl/strings/str_cat.h"
#include "model/detection/device_errors.h"
#include "model/training/draws.h"
#include "model/training/learning_rate_schedule.h"
#include "model/training/parameters.h"
#include "model/training/step_loss.h"

namespace bayespfl {
namespace {

bool SameTensors(const TensorMap& saved, const TensorMap& parameters) {
  return std::equal(saved.begin(), saved.end(), parameters.begin(), parameters.end(), [](const auto& a, const auto& b) {
    return a.first == b.first && a.second.sizes() == b.second.sizes();
  });
}

// The pictures of batch `batch` of an epoch.
absl::Span<const int64_t> BatchOf(const std::vector<int64_t>& order, int64_t batch, int64_t size) {
  return absl::MakeConstSpan(order).subspan(static_cast<size_t>(batch * size), static_cast<size_t>(size));
}

// Waits for the device once.
bool AreFinite(const TensorMap& tensors) {
  std::vector<torch::Tensor> sums;
  for (const auto& [name, tensor] : tensors) sums.push_back(tensor.sum());
  return torch::stack(sums).isfinite().all().item<bool>();
}

TensorMap OnCpu(const TensorMap& tensors) {
  TensorMap result;
  for (const auto& [name, tensor] : tensors) result.emplace(name, tensor.detach().to(torch::kCPU));
  return result;
}

}  // namespace

Trainer::Trainer(const TrainingTask& task, LabelledData& training, LabelledData& validation, TrainerOptions options)
    : task_(task),
      training_(training),
      validation_(validation),
      options_(std::move(options)),
      optimiser_(task.optimiser()) {
  state_.course.stage = task.first_stage();
}

absl::StatusOr<TrainingResult> Trainer::Run(TrainingObserver& observer) {
  absl::StatusOr<TrainingResult> result = TrainingResult();
  const absl::Status status = CatchDeviceErrors(absl::StatusCode::kInternal, "training failed", [&] {
    result = RunToEnd(observer);
    return result.status();
  });
  folder_.reset();  // gives the lock back
  if (!status.ok()) return status;
  return result;
}

absl::StatusOr<TrainingResult> Trainer::RunToEnd(TrainingObserver& observer) {
  if (training_.size() == 0) return absl::InvalidArgumentError("there is no picture to train with");
  if (absl::Status status = Resume(observer); !status.ok()) return status;
  while (!state_.course.finished) {
    absl::StatusOr<bool> goes_on = RunEpoch(observer);
    if (goes_on.ok() && *goes_on) goes_on = FinishEpoch(observer);
    if (!goes_on.ok()) return goes_on.status();
    if (!*goes_on) break;
  }
  return TrainingResult{.finished = state_.course.finished,
                        .stage = state_.course.stage,
                        .weights = OnCpu(task_.parameters()),
                        .history = state_.history};
}

absl::Status Trainer::Resume(TrainingObserver& observer) {
  auto folder = TrainingStateFolder::Open(options_.state_folder, Identity(), options_.kept_states);
  if (!folder.ok()) return folder.status();
  folder_ = *std::move(folder);
  absl::StatusOr<std::optional<TrainingState>> loaded = folder_->Load();
  if (!loaded.ok()) return loaded.status();
  if (!loaded->has_value()) return absl::OkStatus();
  state_ = **std::move(loaded);
  if (!SameTensors(state_.weights, task_.parameters()) ||
      (!state_.best.empty() && !SameTensors(state_.best, task_.parameters()))) {
    return absl::DataLossError(absl::StrCat(options_.state_folder, ": the state's weights are not this model's"));
  }
  CopyValues(state_.weights, task_.parameters());
  if (absl::Status status = optimiser_.Restore(state_.optimiser, task_.parameters()); !status.ok()) return status;
  observer.OnResume(state_);
  state_.weights.clear();
  state_.optimiser.clear();
  return absl::OkStatus();
}

absl::StatusOr<bool> Trainer::RunEpoch(TrainingObserver& observer) {
  const auto epoch = static_cast<uint64_t>(state_.course.epochs);
  const std::vector<int64_t> order = DrawOrder(options_.seed, epoch, training_.size());
  const int64_t batches = Batches();
  while (state_.batch < batches) {
    absl::StatusOr<LabelledBatch> batch = training_.Get(BatchOf(order, state_.batch, options_.batch_size), epoch);
    if (!batch.ok()) return batch.status();
    if (state_.batch + 1 < batches) training_.Announce(BatchOf(order, state_.batch + 1, options_.batch_size), epoch);
    const absl::StatusOr<StepReport> report = Step(*batch);
    if (!report.ok()) return report.status();
    observer.OnStep(*report);
    const bool stop = observer.ShouldStop();
    // An epoch's work is safe before it is validated, which may take long and wants room of its own.
    const bool save = state_.batch == batches || (options_.save_steps > 0 && state_.step % options_.save_steps == 0);
    if (stop || save) {
      if (absl::Status status = Save(); !status.ok()) return status;
    }
    if (stop) return false;
  }
  return true;
}

absl::StatusOr<StepReport> Trainer::Step(const LabelledBatch& batch) {
  const absl::StatusOr<LossTerms> terms = LossOfStep(task_, state_.course.stage, batch, options_.seed, state_.step);
  if (!terms.ok()) return terms.status();
  const LossValues loss = ValuesOf(*terms);
  const std::vector<ParameterGroup> groups = task_.Groups(state_.course.stage);
  const TensorMap gradients = GradientsOf(terms->Total(), MembersOf(groups, task_.parameters()));
  // Nothing has moved yet: what is saved stays good.
  if (!std::isfinite(loss.total) || !AreFinite(gradients)) {
    return absl::FailedPreconditionError(absl::StrCat("the loss of step ", state_.step + 1, " is ", loss.total,
                                                      " or has a gradient that is no number: training has diverged"));
  }
  const double factor = RateFactor();
  optimiser_.StepAll(groups, factor, gradients, task_.parameters());
  ++state_.step;
  ++state_.batch;
  state_.loss_sum = Plus(state_.loss_sum, loss);
  return StepReport{.step = state_.step,
                    .epoch = state_.course.epochs + 1,
                    .batch = state_.batch,
                    .batches = Batches(),
                    .pictures = batch.labels.size(0),
                    .stage = state_.course.stage,
                    .rate_factor = factor,
                    .loss = loss};
}

double Trainer::RateFactor() const {
  if (state_.course.stage == 2) return 1;
  // The scheduled stages are each the first of their run.
  return LearningRateFactor(state_.step, Batches() * options_.course.epochs);
}

absl::StatusOr<bool> Trainer::FinishEpoch(TrainingObserver& observer) {
  const auto model = task_.Assemble(state_.course.stage);
  if (!model.ok()) return model.status();
  const uint64_t key = DrawKey(options_.seed, DrawPurpose::kValidation, static_cast<uint64_t>(state_.course.epochs));
  ValidationOptions options = options_.validation;
  options.should_stop = [&observer] { return observer.ShouldStop(); };
  const absl::StatusOr<ValidationScores> scores = Validate(**model, validation_, key, options);
  if (absl::IsCancelled(scores.status())) return false;  // with the state of the epoch's last step
  if (!scores.ok()) return scores.status();

  EpochRecord record = {.epoch = state_.course.epochs + 1,
                        .stage = state_.course.stage,
                        .loss = DividedBy(state_.loss_sum, static_cast<double>(Batches())),
                        .validation = *scores};
  switch (CountEpoch(options_.course, *scores, state_.course)) {
    case AfterEpoch::kKeep:
      state_.best = CopyOf(task_.parameters());
      record.kept = true;
      break;
    case AfterEpoch::kRestore:
      CopyValues(state_.best, task_.parameters());
      break;
    case AfterEpoch::kWait:
      break;
  }
  if (state_.course.stage != record.stage) optimiser_.Clear();
  state_.history.push_back(record);
  state_.batch = 0;
  state_.loss_sum = {};
  observer.OnEpoch(record);
  if (absl::Status status = Save(); !status.ok()) return status;
  return !observer.ShouldStop();
}

absl::Status Trainer::Save() {
  state_.weights = task_.parameters();
  state_.optimiser = optimiser_.State();
  const absl::Status status = folder_->Save(state_);
  state_.weights.clear();
  state_.optimiser.clear();
  return status;
}

RunIdentity Trainer::Identity() const {
  RunIdentity identity = options_.identity;
  identity["seed"] = absl::StrCat(options_.seed);
  identity["batch_size"] = absl::StrCat(options_.batch_size);
  identity["epochs"] = absl::StrCat(options_.course.epochs);
  identity["patience"] = absl::StrCat(options_.course.patience);
  identity["samples"] = absl::StrCat(options_.validation.samples);
  return identity;
}

int64_t Trainer::Batches() const { return (training_.size() + options_.batch_size - 1) / options_.batch_size; }

}  // namespace bayespfl
