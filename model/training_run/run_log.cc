#include "model/training_run/run_log.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl {
namespace {

// Without a terminal there is a line after so long.
constexpr absl::Duration kSilence = absl::Minutes(1);

// Seconds are left out of steps.csv: a run that was killed and one that was not have the same table.
std::vector<absl::string_view> StepColumns() {
  std::vector<absl::string_view> names = {"epoch", "stage", "rate_factor"};
  for (const LossColumn& column : kLossColumns) names.emplace_back(column.name);
  return names;
}

std::vector<double> ValuesOf(const StepReport& step) {
  std::vector<double> values = {static_cast<double>(step.epoch), static_cast<double>(step.stage), step.rate_factor};
  for (const LossColumn& column : kLossColumns) values.push_back(step.loss.*column.value);
  return values;
}

std::string Left(absl::Duration duration) {
  const int64_t minutes = absl::ToInt64Minutes(duration) + 1;
  return minutes < 60 ? absl::StrCat(minutes, " min") : absl::StrFormat("%d h %02d min", minutes / 60, minutes % 60);
}

}  // namespace

std::string EpochsCsv(const std::vector<EpochRecord>& epochs) {
  std::string csv = "epoch,stage";
  for (const LossColumn& column : kLossColumns) absl::StrAppend(&csv, ",", column.name);
  absl::StrAppend(&csv, ",pixel_ap,image_ap,kept\n");
  for (const EpochRecord& epoch : epochs) {
    absl::StrAppend(&csv, epoch.epoch, ",", epoch.stage);
    for (const LossColumn& column : kLossColumns) absl::StrAppendFormat(&csv, ",%.9g", epoch.loss.*column.value);
    absl::StrAppendFormat(&csv, ",%.9g,%.9g,%d\n", epoch.validation.pixel_ap, epoch.validation.image_ap,
                          epoch.kept ? 1 : 0);
  }
  return csv;
}

RunLog::RunLog(RunLogOptions options)
    : options_(std::move(options)), epoch_began_(options_.now()), last_(epoch_began_), last_said_(epoch_began_) {}

void RunLog::Keep(const absl::Status& status) {
  if (status_.ok()) status_ = status;
}

void RunLog::Open(int64_t last_step) {
  if (steps_ != nullptr) return;
  auto steps = StepTable::Open(options_.folder / "steps.csv", StepColumns(), last_step);
  if (!steps.ok()) return Keep(steps.status());
  steps_ = *std::move(steps);
  auto events = EventFile::Create(options_.folder, last_step + 1, options_.now());
  if (!events.ok()) return Keep(events.status());
  events_ = *std::move(events);
}

void RunLog::OnResume(const TrainingState& state) {
  epochs_ = state.history;
  WriteEpochs();  // a kill may have come between the table and the state
  if (state.course.finished) {
    *options_.text << absl::StrCat("finished already, after ", state.course.epochs,
                                   state.course.epochs == 1 ? " epoch\n" : " epochs\n");
    return;
  }
  Open(state.step);
  *options_.text << absl::StrCat("goes on after step ", state.step, ", in epoch ", state.course.epochs + 1, " (stage ",
                                 state.course.stage, ")\n");
}

void RunLog::OnStep(const StepReport& step) {
  Open(step.step - 1);
  if (!status_.ok()) return;
  const absl::Time now = options_.now();
  batches_ = step.batches;
  ++steps_done_;
  pictures_done_ += step.pictures;
  SayStep(step, now);
  Keep(steps_->Add(step.step, ValuesOf(step)));
  std::vector<Scalar> scalars;
  for (const LossColumn& column : kLossColumns) {
    if (column.Has(step.stage)) scalars.push_back({absl::StrCat("loss/", column.name), step.loss.*column.value});
  }
  if (step.stage != 2) scalars.push_back({"rate_factor", step.rate_factor});
  if (now > last_) {
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
  epoch_began_ = now;
  steps_done_ = 0;
  pictures_done_ = 0;
}

void RunLog::WriteEpochs() { Keep(WriteFile(options_.folder / "epochs.csv", EpochsCsv(epochs_))); }

void RunLog::SayStep(const StepReport& step, absl::Time now) {
  if (options_.terminal) {
    if (!progress_.has_value()) {
      progress_.emplace(*options_.text, Progress::Options{.what = absl::StrCat("epoch ", step.epoch, ", steps"),
                                                          .total = step.batches,
                                                          .terminal = true});
      for (int64_t done = 1; done < step.batch; ++done) progress_->Advance(/*fresh=*/false);
    }
    progress_->Advance();
    return;
  }
  if (now - last_said_ < kSilence) return;
  *options_.text << absl::StrFormat("epoch %d: step %d of %d, loss %.4f; %.1f pictures/s\n", step.epoch, step.batch,
                                    step.batches, step.loss.total,
                                    static_cast<double>(pictures_done_) / absl::ToDoubleSeconds(now - epoch_began_))
                 << std::flush;
  last_said_ = now;
}

void RunLog::SayEpoch(const EpochRecord& epoch, absl::Time now) {
  std::string line = absl::StrFormat("epoch %d, stage %d: loss %.4f, pixel AP %.2f %%, image AP %.2f %%%s", epoch.epoch,
                                     epoch.stage, epoch.loss.total, 100 * epoch.validation.pixel_ap,
                                     100 * epoch.validation.image_ap, epoch.kept ? ", best so far" : "");
  const absl::Duration took = now - epoch_began_;
  if (pictures_done_ > 0 && took > absl::ZeroDuration()) {
    absl::StrAppendFormat(&line, "; %.1f pictures/s with validation",
                          static_cast<double>(pictures_done_) / absl::ToDoubleSeconds(took));
    // Of an epoch that an earlier run began only a part was done here.
    const double share = static_cast<double>(steps_done_) / static_cast<double>(batches_);
    const absl::Duration whole = (last_ - epoch_began_) / share + (now - last_);
    const int64_t more = options_.epochs - epoch.epoch;
    if (more > 0) absl::StrAppend(&line, ", ", Left(whole * static_cast<double>(more)), " left at most");
  }
  *options_.text << line << std::endl;
  last_said_ = now;
}

}  // namespace bayespfl
