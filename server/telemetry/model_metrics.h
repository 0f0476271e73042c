// The metrics by model and by category.
//
//   bayespfl_frames_total{model,outcome}              counter    frames that ended: ok, invalid, refused, unavailable,
//                                                                expired, cancelled, skipped, failed
//   bayespfl_stage_latency_seconds{model,stage}       histogram  answered frames: queue, decode, preprocess, vision,
//                                                                prompts, detect, postprocess, render, total
//   bayespfl_score{model,category}                    histogram  image scores of answered frames
//   bayespfl_verdicts_total{category,verdict}         counter    answered frames: pass, review, fail; none where the
//                                                                category is not calibrated
//   bayespfl_threshold{model,category,line}           gauge      the lines on the score in use: review, fail
//   bayespfl_calibrated_share{model,category,verdict} gauge      share of good parts that gets at most the verdict
//                                                                review (or fail) or fail, as its calibration promises
//   bayespfl_model_info{model,version,device}         gauge      1 for each model that serves
//   bayespfl_replicas{model,state}                    gauge      of models that serve: working, lost
//   bayespfl_replica_busy_since_timestamp_seconds{model,replica}
//                                                     gauge      start of the batch or the rebuild that it is at, since
//                                                                the Unix epoch; 0: it is idle
//   bayespfl_model_loads_total{model,outcome}         counter    attempts to load it: ok (it was swapped in), failed
//   bayespfl_model_last_load_failed{model}            gauge      1: the last attempt failed
//   bayespfl_model_load_duration_seconds{model}       gauge      of the last load that went well, with its warm-up
//
// `model` is the name of a model that serves, or that the operator tried to load; it is empty for frames that ended
// before it was known which model they are for, and for the load of a package whose name could not be read. Categories
// are those of metric_categories, and other. A model that is gone takes its series along, so that swaps do not add up.
#ifndef BAYESPFL_SERVER_TELEMETRY_MODEL_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_MODEL_METRICS_H_

#include <array>
#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/package/calibration.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/metric_family.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/served_model.h"
#include "server/telemetry/frame_outcome.h"
#include "server/telemetry/metric_category.h"

namespace bayespfl::server {

// Most models that do not serve and have series for the sake of their failed loads.
inline constexpr size_t kMaxFailedModels = 64;

// A frame is counted by way of the notes that its model carries: no lock, and nothing is looked up but its category.
// Thread-safe.
class ModelMetrics final : public prometheus::Collectable {
 public:
  // `categories` as MetricCategories.
  explicit ModelMetrics(std::vector<std::string> categories);
  ~ModelMetrics() override;

  // What a ServedModel of that name and so many replicas is made with; the same for each that follows another one.
  // Frames of a model without are counted as those without a model.
  std::shared_ptr<ModelNotes> NotesOf(const std::string& name, size_t replicas);

  // The models that serve from now on.
  void SetModels(const ModelSet& models);

  // An attempt to load a model, and how long it took.
  void NoteLoad(const std::string& name, bool ok, double seconds);

  void CountAnswered(const ServedModel& model, const InspectionOutcome& outcome);

  // `model` is null when it is not known.
  void CountFailed(const ServedModel* model, FrameOutcome outcome);

  void NoteBusy(const ServedModel& model, size_t replica, bool busy);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  class Series;

  // A label, and the calibration that stands behind it.
  using Calibrated = std::vector<std::pair<std::string, const CategoryCalibration*>>;

  struct Entry {
    std::shared_ptr<Series> series;              // null: it never served
    std::shared_ptr<const ServedModel> serving;  // null: it does not
    Calibrated calibrated;                       // of `serving`
    prometheus::Counter loaded;
    prometheus::Counter failed;
    bool last_failed = false;
    std::optional<double> load_seconds;
  };
  using Families = std::vector<prometheus::MetricFamily>;

  static constexpr size_t kVerdictCount = 4;

  Calibrated CalibratedOf(const ServedModel& model) const;
  void ForgetFailure(const std::string& newest) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Families CollectFrames() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Families CollectServing() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Families CollectCalibrations() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Families CollectLoads() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Families CollectVerdicts() const;

  const MetricCategories categories_;
  std::vector<std::array<prometheus::Counter, kVerdictCount>> verdicts_;  // by category, by Verdict
  const std::unique_ptr<Series> nameless_;                                // of frames without a model
  mutable Mutex mu_;
  std::map<std::string, std::unique_ptr<Entry>> models_ ABSL_GUARDED_BY(mu_);  // by name
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_MODEL_METRICS_H_
