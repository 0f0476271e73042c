#include "server/telemetry/model_metrics.h"

#include <algorithm>
#include <atomic>
#include <deque>
#include <iterator>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "prometheus/histogram.h"
#include "prometheus/metric_type.h"
#include "server/telemetry/buckets.h"
#include "server/telemetry/metric_family.h"

namespace bayespfl::server {
namespace {

using prometheus::MetricFamily;
using prometheus::MetricType;

constexpr std::array<absl::string_view, 9> kStageNames = {"queue",  "decode",      "preprocess", "vision", "prompts",
                                                          "detect", "postprocess", "render",     "total"};
constexpr std::array<Verdict, 4> kVerdicts = {Verdict::kNone, Verdict::kPass, Verdict::kReview, Verdict::kFail};

// The pipeline gives all stages in the order of the names, so that the place is right at the first look.
std::optional<size_t> StageAt(size_t place, absl::string_view name) {
  if (place < kStageNames.size() && kStageNames.at(place) == name) return place;
  const auto* const found = std::find(kStageNames.begin(), kStageNames.end(), name);
  if (found == kStageNames.end()) return std::nullopt;
  return static_cast<size_t>(found - kStageNames.begin());
}

// The lines on the score; null: it decides nothing.
const DecisionLine* ScoreLine(const Thresholds& thresholds) {
  const auto found = std::find_if(thresholds.lines.begin(), thresholds.lines.end(),
                                  [](const DecisionLine& line) { return line.rule == DecisionRule::kScore; });
  return found == thresholds.lines.end() ? nullptr : &*found;
}

}  // namespace

class ModelMetrics::Series final : public ModelNotes {
 public:
  Series(size_t categories, size_t replica_count) : busy_since(replica_count) {
    for (size_t i = 0; i < kStageNames.size(); ++i) stages.emplace_back(BucketsOf(kLatencyBuckets));
    for (size_t i = 0; i < categories; ++i) scores.emplace_back(BucketsOf(kScoreBuckets));
  }

  std::array<prometheus::Counter, kFrameOutcomes> frames;
  std::deque<prometheus::Histogram> stages;     // in kStageNames' order
  std::deque<prometheus::Histogram> scores;     // in MetricCategories' order
  std::vector<std::atomic<double>> busy_since;  // by replica, seconds since the Unix epoch; 0: idle
};

ModelMetrics::ModelMetrics(std::vector<std::string> categories)
    : categories_(std::move(categories)),
      verdicts_(categories_.labels().size()),
      nameless_(std::make_unique<Series>(/*categories=*/0, /*replica_count=*/0)) {}

ModelMetrics::~ModelMetrics() = default;

std::shared_ptr<ModelNotes> ModelMetrics::NotesOf(const std::string& name, size_t replicas) {
  MutexLock lock(mu_);
  std::unique_ptr<Entry>& entry = models_[name];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  if (entry->series == nullptr) entry->series = std::make_shared<Series>(categories_.labels().size(), replicas);
  return entry->series;
}

void ModelMetrics::SetModels(const ModelSet& models) {
  std::vector<std::shared_ptr<const ServedModel>> old;  // destroyed after the lock is gone
  MutexLock lock(mu_);
  std::erase_if(models_, [&](const auto& named) {
    Entry& entry = *named.second;
    if (entry.serving == nullptr || models.models.contains(named.first)) return false;
    old.push_back(std::move(entry.serving));
    return true;
  });
  for (const auto& [name, model] : models.models) {
    std::unique_ptr<Entry>& entry = models_[name];
    if (entry == nullptr) entry = std::make_unique<Entry>();
    if (entry->serving == model) continue;
    entry->calibrated = CalibratedOf(*model);
    old.push_back(std::exchange(entry->serving, model));
  }
}

// Several calibrated categories may share a label; then none of them stands behind it.
ModelMetrics::Calibrated ModelMetrics::CalibratedOf(const ServedModel& model) const {
  std::map<size_t, std::vector<const CategoryCalibration*>> by_label;
  for (const auto& [category, calibration] : model.info().categories) {
    by_label[categories_.IndexOf(category)].push_back(&calibration);
  }
  Calibrated calibrated;
  for (const auto& [label, calibrations] : by_label) {
    if (label == categories_.other() || calibrations.size() > 1) continue;
    calibrated.emplace_back(categories_.labels()[label], calibrations.front());
  }
  return calibrated;
}

void ModelMetrics::NoteLoad(const std::string& name, bool ok, double seconds) {
  MutexLock lock(mu_);
  std::unique_ptr<Entry>& entry = models_[name];
  if (entry == nullptr) entry = std::make_unique<Entry>();
  (ok ? entry->loaded : entry->failed).Increment();
  entry->last_failed = !ok;
  if (ok) {
    entry->load_seconds = seconds;
  } else {
    ForgetFailure(name);
  }
}

// Whoever tries many folders must not fill the page with them.
void ModelMetrics::ForgetFailure(const std::string& newest) {
  const auto idle = [](const auto& named) { return named.second->serving == nullptr; };
  if (static_cast<size_t>(std::count_if(models_.begin(), models_.end(), idle)) <= kMaxFailedModels) return;
  models_.erase(std::find_if(models_.begin(), models_.end(),
                             [&](const auto& named) { return idle(named) && named.first != newest; }));
}

void ModelMetrics::CountAnswered(const ServedModel& model, const InspectionOutcome& outcome) {
  const Inspection& result = outcome.inspection;
  const size_t category = categories_.IndexOf(result.category);
  verdicts_[category].at(static_cast<size_t>(result.decision.verdict)).Increment();
  auto* const series = static_cast<Series*>(model.notes());
  if (series == nullptr) return CountFailed(nullptr, FrameOutcome::kOk);
  series->frames.at(static_cast<size_t>(FrameOutcome::kOk)).Increment();
  series->scores[category].Observe(result.score);
  for (size_t i = 0; i < result.timings.size(); ++i) {
    const std::optional<size_t> stage = StageAt(i, result.timings[i].stage);
    if (stage.has_value()) series->stages[*stage].Observe(result.timings[i].seconds);
  }
}

void ModelMetrics::CountFailed(const ServedModel* model, FrameOutcome outcome) {
  auto* series = model == nullptr ? nullptr : static_cast<Series*>(model->notes());
  if (series == nullptr) series = nameless_.get();
  series->frames.at(static_cast<size_t>(outcome)).Increment();
}

void ModelMetrics::NoteBusy(const ServedModel& model, size_t replica, bool busy) {
  auto* const series = static_cast<Series*>(model.notes());
  if (series == nullptr || replica >= series->busy_since.size()) return;
  series->busy_since[replica] = busy ? absl::ToDoubleSeconds(absl::Now() - absl::UnixEpoch()) : 0;
}

// Under the lock to the end: so whoever takes a model out of service destroys it, and not a scrape.
std::vector<MetricFamily> ModelMetrics::Collect() const {
  MutexLock lock(mu_);
  Families all = CollectVerdicts();
  for (Families part : {CollectFrames(), CollectServing(), CollectCalibrations(), CollectLoads()}) {
    std::move(part.begin(), part.end(), std::back_inserter(all));
  }
  return WithSeries(std::move(all));
}

ModelMetrics::Families ModelMetrics::CollectFrames() const {
  MetricFamily frames = NewFamily("bayespfl_frames_total", "Frames that ended, by outcome.", MetricType::Counter);
  MetricFamily stages = NewFamily("bayespfl_stage_latency_seconds",
                                  "Wall-clock seconds of answered frames in each stage.", MetricType::Histogram);
  MetricFamily scores = NewFamily("bayespfl_score", "Image scores of answered frames.", MetricType::Histogram);
  const auto add_frames = [&frames](const std::string& name, const Series& series) {
    for (size_t i = 0; i < kFrameOutcomes; ++i) {
      AddMetric({{"model", name}, {"outcome", std::string(FrameOutcomeName(static_cast<FrameOutcome>(i)))}},
                series.frames.at(i).Collect(), frames);
    }
  };
  add_frames("", *nameless_);
  for (const auto& [name, entry] : models_) {
    if (entry->series == nullptr) continue;
    const Series& series = *entry->series;
    add_frames(name, series);
    for (size_t i = 0; i < kStageNames.size(); ++i) {
      AddMetric({{"model", name}, {"stage", std::string(kStageNames.at(i))}}, series.stages[i].Collect(), stages);
    }
    for (size_t i = 0; i < categories_.labels().size(); ++i) {
      AddMetric({{"category", categories_.labels()[i]}, {"model", name}}, series.scores[i].Collect(), scores);
    }
  }
  return {frames, stages, scores};
}

ModelMetrics::Families ModelMetrics::CollectVerdicts() const {
  MetricFamily verdicts =
      NewFamily("bayespfl_verdicts_total",
                "Frames that were answered, by verdict; none: the category is not calibrated.", MetricType::Counter);
  for (size_t category = 0; category < verdicts_.size(); ++category) {
    for (const Verdict verdict : kVerdicts) {
      AddMetric(
          {{"category", categories_.labels()[category]}, {"verdict", absl::AsciiStrToLower(VerdictName(verdict))}},
          verdicts_[category].at(static_cast<size_t>(verdict)).Collect(), verdicts);
    }
  }
  return {verdicts};
}

ModelMetrics::Families ModelMetrics::CollectServing() const {
  MetricFamily info = NewFamily("bayespfl_model_info", "1 for each model that serves.", MetricType::Gauge);
  MetricFamily replicas =
      NewFamily("bayespfl_replicas", "Replicas of models that serve, by whether they work.", MetricType::Gauge);
  MetricFamily busy =
      NewFamily("bayespfl_replica_busy_since_timestamp_seconds",
                "Start of the batch or rebuild that the replica is at, in seconds since the Unix epoch; "
                "0: idle.",
                MetricType::Gauge);
  for (const auto& [name, entry] : models_) {
    if (entry->serving == nullptr) continue;
    const ServedModel& model = *entry->serving;
    AddValue({{"device", model.info().device}, {"model", name}, {"version", model.info().version}}, 1, info);
    size_t working = 0;
    for (size_t i = 0; i < model.replicas(); ++i) working += model.Works(i) ? 1 : 0;
    AddValue({{"model", name}, {"state", "working"}}, static_cast<double>(working), replicas);
    AddValue({{"model", name}, {"state", "lost"}}, static_cast<double>(model.replicas() - working), replicas);
    if (entry->series == nullptr) continue;
    for (size_t i = 0; i < entry->series->busy_since.size(); ++i) {
      AddValue({{"model", name}, {"replica", std::to_string(i)}}, entry->series->busy_since[i], busy);
    }
  }
  return {info, replicas, busy};
}

ModelMetrics::Families ModelMetrics::CollectCalibrations() const {
  MetricFamily lines =
      NewFamily("bayespfl_threshold", "Lines on the score of calibrated categories.", MetricType::Gauge);
  MetricFamily shares =
      NewFamily("bayespfl_calibrated_share",
                "Largest share of good parts that gets the verdict or a worse one, as calibrated.", MetricType::Gauge);
  for (const auto& [name, entry] : models_) {
    for (const auto& [category, calibration] : entry->calibrated) {
      const CalibrationProvenance& made = calibration->provenance;
      AddValue({{"category", category}, {"model", name}, {"verdict", "review"}}, made.review_rate, shares);
      AddValue({{"category", category}, {"model", name}, {"verdict", "fail"}}, made.fail_rate, shares);
      const DecisionLine* const line = ScoreLine(calibration->defaults.thresholds);
      if (line == nullptr) continue;
      AddValue({{"category", category}, {"line", "review"}, {"model", name}}, line->review, lines);
      AddValue({{"category", category}, {"line", "fail"}, {"model", name}}, line->fail, lines);
    }
  }
  return {lines, shares};
}

ModelMetrics::Families ModelMetrics::CollectLoads() const {
  MetricFamily loads =
      NewFamily("bayespfl_model_loads_total", "Attempts to load a model, by outcome.", MetricType::Counter);
  MetricFamily last =
      NewFamily("bayespfl_model_last_load_failed", "1: the last attempt to load the model failed.", MetricType::Gauge);
  MetricFamily seconds = NewFamily("bayespfl_model_load_duration_seconds",
                                   "Of the last load that went well, with its warm-up.", MetricType::Gauge);
  for (const auto& [name, entry] : models_) {
    AddMetric({{"model", name}, {"outcome", "ok"}}, entry->loaded.Collect(), loads);
    AddMetric({{"model", name}, {"outcome", "failed"}}, entry->failed.Collect(), loads);
    AddValue({{"model", name}}, entry->last_failed ? 1 : 0, last);
    if (entry->load_seconds.has_value()) AddValue({{"model", name}}, *entry->load_seconds, seconds);
  }
  return {loads, last, seconds};
}

}  // namespace bayespfl::server
