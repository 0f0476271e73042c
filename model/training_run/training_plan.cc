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
#include "model/training/picture_loader.h"
#include "model/training/step_loss.h"
#include "model/training_run/run_parts.h"

namespace bayespfl {
namespace {

std::string Duration(double seconds) {
  if (seconds < 60) return absl::StrFormat("%.1f s", seconds);
  if (seconds < 3600) return absl::StrFormat("%.0f min", seconds / 60);
  return absl::StrFormat("%.1f h", seconds / 3600);
}

// Until the device has computed it: a GPU runs behind.
void Await(const torch::Tensor& tensor) { tensor.flatten().slice(0, 0, 1).to(torch::kCPU); }

std::string Bytes(int64_t bytes) {
  return bytes < 1'000'000'000 ? absl::StrFormat("%.1f MB", static_cast<double>(bytes) / 1e6)
                               : absl::StrFormat("%.2f GB", static_cast<double>(bytes) / 1e9);
}

double SecondsSince(absl::Time start) { return absl::ToDoubleSeconds(absl::Now() - start); }

// Of a step of the first stage, forth and back.
absl::StatusOr<double> SecondsOfStep(const RunParts& parts, const LabelledBatch& batch) {
  const TrainingTask& task = *parts.task;
  const int stage = task.first_stage();
  const absl::Time start = absl::Now();
  const absl::StatusOr<LossTerms> terms = LossOfStep(task, stage, batch, parts.config.seed, 0);
  if (!terms.ok()) return terms.status();
  Await(GradientsOf(terms->Total(), MembersOf(task.Groups(stage), task.parameters())).begin()->second);
  return SecondsSince(start);
}

// Of making ready one of these pictures, of a batch without a cache.
absl::StatusOr<double> SecondsOfPicture(LabelledData& data, absl::Span<const int64_t> pictures) {
  const absl::Time start = absl::Now();
  const absl::StatusOr<LabelledBatch> batch = data.Get(pictures, 0);
  if (!batch.ok()) return batch.status();
  Await(batch->features.image.defined() ? batch->features.image : batch->images);
  return SecondsSince(start) / static_cast<double>(pictures.size());
}

// The same for a cache: several threads read, and the tower sees each picture alone.
absl::StatusOr<double> SecondsOfCachedPicture(const RunParts& parts, absl::Span<const int64_t> pictures) {
  const torch::NoGradGuard no_grad;
  const absl::Time start = absl::Now();
  PictureLoader loader(*parts.training.prepared, parts.package.config.image_size, at::get_num_threads());
  const absl::StatusOr<std::vector<TrainingPicture>> loaded = loader.Load(pictures, 0);
  if (!loaded.ok()) return loaded.status();
  for (const TrainingPicture& picture : *loaded) {
    Await(parts.towers->vision.Encode(picture.image.unsqueeze(0).to(parts.device)).image);
  }
  return SecondsSince(start) / static_cast<double>(pictures.size());
}

TrainingPlan CountsOf(const RunParts& parts) {
  const TrainingSet& learned = parts.training.pictures->set();
  const TrainingSet& judged = parts.validation.pictures->set();
  TrainingPlan plan = {.training_pictures = parts.training.data->size(),
                       .training_anomalous = learned.anomalous,
                       .validation_pictures = parts.validation.data->size(),
                       .bad_pictures = static_cast<int64_t>(learned.bad.size() + judged.bad.size())};
  plan.batches = (plan.training_pictures + parts.config.batch_size - 1) / parts.config.batch_size;
  plan.epochs = parts.config.epochs;
  const int64_t variants = parts.training.cached == nullptr ? 1 : parts.training.pictures->variants().value_or(1);
  plan.filling_epochs = std::min(plan.epochs, variants);
  for (const RunPictures* set : {&parts.training, &parts.validation}) {
    if (set->cached == nullptr) continue;
    const auto entries = static_cast<int64_t>(set->cached->Digests().size());
    plan.cached_pictures += entries;
    plan.cache_bytes += entries * set->cache->entry_bytes();
    plan.missing_bytes += static_cast<int64_t>(set->cache->MissingBytes(set->cached->Digests()));
  }
  return plan;
}

}  // namespace

absl::StatusOr<TrainingPlan> MeasurePlan(const RunParts& parts) {
  TrainingPlan plan = CountsOf(parts);
  // Without the cache, so that nothing is written.
  const std::unique_ptr<LabelledData> data = UncachedData(parts, *parts.training.prepared);
  std::vector<int64_t> first(static_cast<size_t>(std::min(parts.config.batch_size, plan.training_pictures)));
  std::iota(first.begin(), first.end(), 0);
  const absl::StatusOr<LabelledBatch> batch = data->Get(first, 0);  // which also warms up
  if (!batch.ok()) return batch.status();
  const absl::StatusOr<double> encoding =
      parts.training.cached == nullptr ? SecondsOfPicture(*data, first) : SecondsOfCachedPicture(parts, first);
  if (!encoding.ok()) return encoding.status();
  plan.seconds_of_encoding = *encoding;
  const absl::StatusOr<double> step = SecondsOfStep(parts, *batch);
  if (!step.ok()) return step.status();
  plan.seconds_of_step = *step;

  const double of_a_picture = *step / static_cast<double>(first.size()) * static_cast<double>(parts.config.samples);
  const auto judged = static_cast<double>(plan.validation_pictures);
  const double steps = *step * static_cast<double>(plan.batches) + of_a_picture * judged;
  const double learned_seconds = plan.seconds_of_encoding * static_cast<double>(plan.training_pictures);
  const double judged_seconds = plan.seconds_of_encoding * judged;
  // What an earlier run has left in the cache is not computed again.
  const double missing =
      plan.cache_bytes == 0 ? 1 : static_cast<double>(plan.missing_bytes) / static_cast<double>(plan.cache_bytes);
  plan.first_epoch_seconds = steps + (parts.training.cached == nullptr ? 1 : missing) * learned_seconds +
                             (parts.validation.cached == nullptr ? 1 : missing) * judged_seconds;
  plan.later_epoch_seconds = steps + (parts.training.cached == nullptr ? learned_seconds : 0) +
                             (parts.validation.cached == nullptr ? judged_seconds : 0);
  return plan;
}

double TrainingPlan::total_seconds() const {
  return first_epoch_seconds * static_cast<double>(filling_epochs) +
         later_epoch_seconds * static_cast<double>(epochs - filling_epochs);
}

std::string TrainingPlan::Text() const {
  std::string text =
      absl::StrFormat("would read   %d pictures to learn from (%d anomalous), %d to validate with; %d are left out\n",
                      training_pictures, training_anomalous, validation_pictures, bad_pictures);
  if (cached_pictures > 0) {
    absl::StrAppendFormat(&text, "would cache  the features of %d pictures, %s, of which %s are there already\n",
                          cached_pictures, Bytes(cache_bytes), Bytes(cache_bytes - missing_bytes));
  } else {
    absl::StrAppend(&text, "would cache  nothing: every epoch reads and encodes its pictures again\n");
  }
  const std::string first =
      filling_epochs == 1 ? "the first epoch" : absl::StrCat("each of the first ", filling_epochs, " epochs");
  absl::StrAppendFormat(
      &text,
      "would cost   %s for %s, %s for a later one, %s for all %d (%d steps of %s an epoch; %s to prepare "
      "a picture)\n",
      Duration(first_epoch_seconds), first, Duration(later_epoch_seconds), Duration(total_seconds()), epochs, batches,
      Duration(seconds_of_step), Duration(seconds_of_encoding));
  return text;
}

}  // namespace bayespfl
