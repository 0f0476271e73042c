#include "model/training_run/training_plan.h"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <numeric>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "model/training/parameters.h"
#include "model/training/step_loss.h"
#include "model/training_run/run_parts.h"

namespace bayespfl {
namespace {

std::string Duration(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  if (seconds < 3600) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.1f h", seconds / 3600);
}

double SecondsSince(absl::Time start) { return absl::ToDoubleSeconds(absl::Now() - start); }

// Of a step of the first stage, forth and back.
absl::StatusOr<double> SecondsOfStep(const RunParts& parts, const LabelledBatch& batch) {
  const TrainingTask& task = *parts.task;
  const int stage = task.first_stage();
  const absl::Time start = absl::Now();
  const absl::StatusOr<LossTerms> terms = LossOfStep(task, stage, batch, parts.config.seed, 0);
  if (!terms.ok()) return terms.status();
  GradientsOf(terms->Total(), MembersOf(task.Groups(stage), task.parameters()));
  return SecondsSince(start);
}

TrainingPlan CountsOf(const RunParts& parts) {
  const TrainingSet& learned = parts.training.pictures->set();
  const TrainingSet& judged = parts.validation.pictures->set();
  TrainingPlan plan = {.training_pictures = parts.training.data->size(),
                       .training_anomalous = learned.anomalous,
                       .validation_pictures = parts.validation.data->size(),
                       .bad_pictures = static_cast<int64_t>(learned.bad.size() + judged.bad.size())};
  plan.batches = (plan.training_pictures + parts.config.batch_size - 1) / parts.config.batch_size;
  for (const RunPictures* set : {&parts.training, &parts.validation}) {
    if (set->cached == nullptr) continue;
    const auto entries = static_cast<int64_t>(set->cached->Digests().size());
    plan.cached_pictures += entries;
    plan.cache_bytes += entries * set->cache->entry_bytes();
  }
  return plan;
}

}  // namespace

absl::StatusOr<TrainingPlan> MeasurePlan(const RunParts& parts) {
  TrainingPlan plan = CountsOf(parts);
  std::vector<int64_t> first(static_cast<size_t>(std::min(parts.config.batch_size, plan.training_pictures)));
  std::iota(first.begin(), first.end(), 0);
  // Without the cache, so that nothing is written.
  const std::unique_ptr<LabelledData> data = UncachedData(parts, *parts.training.prepared);
  const absl::Time start = absl::Now();
  const absl::StatusOr<LabelledBatch> batch = data->Get(first, 0);
  if (!batch.ok()) return batch.status();
  plan.seconds_of_encoding = SecondsSince(start) / static_cast<double>(first.size());
  const absl::StatusOr<double> step = SecondsOfStep(parts, *batch);
  if (!step.ok()) return step.status();
  plan.seconds_of_step = *step;

  const double of_a_picture = *step / static_cast<double>(first.size()) * static_cast<double>(parts.config.samples);
  const auto judged = static_cast<double>(plan.validation_pictures);
  const double steps = *step * static_cast<double>(plan.batches) + of_a_picture * judged;
  const double learned_seconds = plan.seconds_of_encoding * static_cast<double>(plan.training_pictures);
  const double judged_seconds = plan.seconds_of_encoding * judged;
  plan.first_epoch_seconds = steps + learned_seconds + judged_seconds;
  plan.later_epoch_seconds = steps + (parts.training.cached == nullptr ? learned_seconds : 0) +
                             (parts.validation.cached == nullptr ? judged_seconds : 0);
  return plan;
}

std::string TrainingPlan::Text() const {
  std::string text =
      absl::StrFormat("would read   %d pictures to learn from (%d anomalous), %d to validate with; %d are left out\n",
                      training_pictures, training_anomalous, validation_pictures, bad_pictures);
  if (cached_pictures > 0) {
    absl::StrAppendFormat(&text, "would cache  the features of %d pictures, %.2f GB\n", cached_pictures,
                          static_cast<double>(cache_bytes) / 1e9);
  } else {
    absl::StrAppend(&text, "would cache  nothing: every epoch reads and encodes its pictures again\n");
  }
  absl::StrAppendFormat(
      &text, "would cost   %s for the first epoch, %s for a later one (%d steps of %s; %s to prepare a picture)\n",
      Duration(first_epoch_seconds), Duration(later_epoch_seconds), batches, Duration(seconds_of_step),
      Duration(seconds_of_encoding));
  return text;
}

}  // namespace bayespfl
