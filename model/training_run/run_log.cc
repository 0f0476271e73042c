#include "model/training_run/run_log.h"

#include <array>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl {
namespace {

constexpr std::array<absl::string_view, 12> kStepColumns = {
    "epoch", "stage", "rate_factor",   "total",     "cross_entropy", "focal",
    "dice",  "kl",    "orthogonality", "auxiliary", "captions",      "distillation"};

// Seconds are left out of steps.csv: a run that was killed and one that was not have the same table.
std::array<double, 12> ValuesOf(const StepReport& step) {
  const LossValues& loss = step.loss;
  return {static_cast<double>(step.epoch),
          static_cast<double>(step.stage),
          step.rate_factor,
          loss.total,
          loss.cross_entropy,
          loss.focal,
          loss.dice,
          loss.kl,
          loss.orthogonality,
          loss.auxiliary,
          loss.captions,
          loss.distillation};
}

std::string Left(absl::Duration duration) {
  const int64_t minutes = absl::ToInt64Minutes(duration) + 1;
  return minutes < 60 ? absl::StrCat(minutes, " min") : absl::StrFormat("%d h %02d min", minutes / 60, minutes % 60);
}

}  // namespace

std::string EpochsCsv(const std::vector<EpochRecord>& epochs) {
  std::string csv =
      "epoch,stage,total,cross_entropy,focal,dice,kl,orthogonality,auxiliary,captions,distillation,pixel_ap,image_ap,"
      "kept\n";
  for (const EpochRecord& epoch : epochs) {
    const LossValues& loss = epoch.loss;
    absl::StrAppendFormat(&csv, "%d,%d,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%.9g,%d\n", epoch.epoch,
                          epoch.stage, loss.total, loss.cross_entropy, loss.focal, loss.dice, loss.kl,
                          loss.orthogonality, loss.auxiliary, loss.captions, loss.distillation,
                          epoch.validation.pixel_ap, epoch.validation.image_ap, epoch.kept ? 1 : 0);
  }
  return csv;
}

void RunLog::Keep(const absl::Status& status) {
  if (status_.ok()) status_ = status;
}

void RunLog::Open(int64_t last_step) {
  if (steps_ != nullptr) return;
  auto steps = StepTable::Open(options_.folder / "steps.csv", kStepColumns, last_step);
  if (!steps.ok()) return Keep(steps.status());
  steps_ = *std::move(steps);
  auto events = EventFile::Create(options_.folder, last_step + 1, options_.now());
  if (!events.ok()) return Keep(events.status());
  events_ = *std::move(events);
}

void RunLog::OnResume(const TrainingState& state) {
  epochs_ = state.history;
  Open(state.step);
  *options_.text << absl::StrCat("goes on after step ", state.step, ", in epoch ", state.course.epochs + 1, " (stage ",
                                 state.course.stage, ")\n");
}

void RunLog::OnStep(const StepReport& step) {
  Open(step.step - 1);
  if (!status_.ok()) return;
  const absl::Time now = options_.now();
  if (!progress_.has_value()) {
    progress_.emplace(*options_.text, Progress::Options{.what = absl::StrCat("epoch ", step.epoch, ", steps"),
                                                        .total = step.batches,
                                                        .terminal = options_.terminal,
                                                        .only_on_terminal = true});
    for (int64_t done = 1; done < step.batch; ++done) progress_->Advance(/*fresh=*/false);
    pictures_ = 0;
    epoch_began_ = now;
  }
  progress_->Advance();
  pictures_ += step.pictures;
  Keep(steps_->Add(step.step, ValuesOf(step)));
  std::vector<Scalar> scalars = {{"loss/total", step.loss.total}, {"loss/cross_entropy", step.loss.cross_entropy}};
  if (step.stage != 2) {
    scalars.insert(scalars.end(), {{"loss/focal", step.loss.focal},
                                   {"loss/dice", step.loss.dice},
                                   {"loss/kl", step.loss.kl},
                                   {"loss/orthogonality", step.loss.orthogonality},
                                   {"rate_factor", step.rate_factor}});
  }
  if (step.stage == kTowerStage) {
    scalars.insert(scalars.end(), {{"loss/auxiliary", step.loss.auxiliary},
                                   {"loss/captions", step.loss.captions},
                                   {"loss/distillation", step.loss.distillation}});
  }
  if (last_ != absl::InfinitePast() && now > last_) {
    scalars.push_back({"pictures_per_second", static_cast<double>(step.pictures) / absl::ToDoubleSeconds(now - last_)});
  }
  Keep(events_->Add(step.step, scalars, now));
  last_ = now;
  last_step_ = step.step;
}

void RunLog::OnEpoch(const EpochRecord& epoch) {
  const absl::Time now = options_.now();
  progress_.reset();
  epochs_.push_back(epoch);
  WriteEpochs();
  if (events_ != nullptr) {
    Keep(events_->Add(
        last_step_,
        {{"validation/pixel_ap", epoch.validation.pixel_ap}, {"validation/image_ap", epoch.validation.image_ap}}, now));
  }
  SayEpoch(epoch, now);
  last_ = now;
}

void RunLog::WriteEpochs() { Keep(WriteFile(options_.folder / "epochs.csv", EpochsCsv(epochs_))); }

void RunLog::SayEpoch(const EpochRecord& epoch, absl::Time now) {
  const absl::Duration took = now - epoch_began_;
  std::string line = absl::StrFormat("epoch %d, stage %d: loss %.4f, pixel AP %.2f %%, image AP %.2f %%%s", epoch.epoch,
                                     epoch.stage, epoch.loss.total, 100 * epoch.validation.pixel_ap,
                                     100 * epoch.validation.image_ap, epoch.kept ? ", best so far" : "");
  if (epoch_began_ != absl::InfinitePast() && took > absl::ZeroDuration()) {
    absl::StrAppendFormat(&line, "; %.1f pictures/s with validation",
                          static_cast<double>(pictures_) / absl::ToDoubleSeconds(took));
    const int64_t more = options_.epochs - epoch.epoch;
    if (more > 0) absl::StrAppend(&line, ", ", Left(took * static_cast<double>(more)), " left at most");
  }
  *options_.text << line << std::endl;
}

}  // namespace bayespfl
