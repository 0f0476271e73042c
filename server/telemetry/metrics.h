// The server's metrics, in the Prometheus text format. No label ever carries what a client sent.
//
//   bayespfl_requests_total{method,code}           counter    calls that ended, by gRPC method and status code
//   bayespfl_calls_refused_total{code}             counter    calls without permission, which no service saw:
//                                                             UNAUTHENTICATED, PERMISSION_DENIED
//   bayespfl_tls_certificate_expiry_timestamp_seconds
//                                                  gauge      of the certificate in use, since the Unix epoch; no
//                                                             series without TLS
//   bayespfl_frames_total{outcome}                 counter    frames of all calls and streams: ok, invalid, refused,
//                                                             unavailable, expired, cancelled, skipped, failed
//   bayespfl_frames_refused_total{reason}          counter    those of them that were never accepted, whatever the
//                                                             outcome: the names of Refusal
//   bayespfl_samples_drawn_total                   counter    draws of the prompt distributions, of answered frames
//   bayespfl_verdicts_total{verdict}               counter    answered frames: pass, review, fail; none where the
//                                                             category is not calibrated
//   bayespfl_score{category}                       histogram  image scores of answered frames: the categories of
//                                                             metric_categories, and other
//   bayespfl_stage_latency_seconds{stage}          histogram  answered frames: queue, decode, preprocess, vision,
//                                                             prompts, detect, postprocess, render, total
//   bayespfl_frames_in_flight                      gauge      frames accepted and not answered yet
//   bayespfl_streams_open                          gauge      streams of both services that are open
//   bayespfl_queue_depth{queue}                    gauge      frames waiting: decode, execute, render
//   bayespfl_queue_wait_seconds{queue}             histogram  frames that a stage took out of its queue
//   bayespfl_batch_size                            histogram  frames that the model took in one call
//   bayespfl_replica_failures_total{outcome}       counter    device failures: rebuilt (the replica works again), lost
//   bayespfl_out_of_memory_total                   counter    batches that the device's memory did not suffice for
//   bayespfl_result_log_lines_total{outcome}       counter    lines of the result log: written, dropped (the queue was
//                                                             full), failed (the disk was)
//   bayespfl_result_log_queue_bytes                gauge      lines waiting for the writer
//   bayespfl_injected_faults_total{fault}          counter    faults on purpose (inject_faults)
//   bayespfl_model_info{model,version,device}      gauge      1 for each model that serves
//   bayespfl_model_loads_total{outcome}            counter    attempts to load a model: ok (it was swapped in), failed
//   bayespfl_build_info{version}                   gauge      1
// Besides those of process_metrics.h and, on a machine with NVIDIA's driver, of device_metrics.h.
#ifndef BAYESPFL_SERVER_TELEMETRY_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "prometheus/collectable.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/pipeline/fault_injector.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/refusal.h"
#include "server/pipeline/served_model.h"
#include "server/telemetry/frame_outcome.h"
#include "server/telemetry/log.h"
#include "server/telemetry/nvml.h"
#include "server/telemetry/result_sink.h"

namespace bayespfl::server {

// Upper bounds of the latency buckets, in seconds, for stages and queues: 1 ms to 30 s, each two to three times the one
// before, so that a quantile is known to within that factor. What takes less than 1 ms holds nobody up; the longest
// wait that the defaults allow is that of 64 frames (max_frames_in_flight), about 30 s before a model that takes two a
// second. What a batch shares is counted for each of its frames.
inline constexpr std::array<double, 14> kLatencyBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                           0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

// Upper bounds of the batch size buckets, in frames: the powers of two, which max_batch is mostly set to. 1 by itself
// shows batches that did not form; what is beyond 64 is in the mean (sum by count).
inline constexpr std::array<double, 7> kBatchBuckets = {1, 2, 4, 8, 16, 32, 64};

// Upper bounds of the score buckets: hundredths at both ends of 0..1, tenths between. The score is a probability
// from a softmax, which flattens towards both ends: the same change of the logits that moves a score from 0.01 to 0.02
// moves one from 0.5 to 0.67.
inline constexpr std::array<double, 16> kScoreBuckets = {0.01, 0.02, 0.05, 0.1, 0.2,  0.3,  0.4,  0.5,
                                                         0.6,  0.7,  0.8,  0.9, 0.95, 0.98, 0.99, 1.0};

struct MetricsOptions {
  std::string server_version = {};
  std::vector<std::string> categories = {};                   // with a score of their own; in MetricCategory()'s form
  std::string nvml_library = kNvmlLibrary;                    // not there: no metrics of GPUs
  std::optional<std::string> visible_devices = std::nullopt;  // CUDA_VISIBLE_DEVICES, when it is set
  Logger logger = nullptr;  // gets a warning when the library was loaded and cannot be used; null: nobody does
};

// All methods are thread-safe.
class Metrics final : public PipelineObserver {
 public:
  explicit Metrics(const MetricsOptions& options);
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void OnQueueChange(PipelineQueue queue, int change) override;
  void OnFramesInFlightChange(int change) override;
  void OnBatch(int frames) override;
  void OnReplicaFailure(bool rebuilt) override;
  void OnOutOfMemory(int frames) override;
  void OnQueueWait(PipelineQueue queue, double seconds) override;
  void OnFrameAnswered(const InspectionOutcome& outcome) override;
  void OnFrameFailed(const absl::Status& status) override;

  // A frame that was refused before it reached the pipeline: for the reason in `status`, or because it is wrong.
  void CountRejectedFrame(const absl::Status& status);

  // `change` streams opened (> 0) or ended (< 0).
  void OnStreamsChange(int change) { streams_open_.Increment(change); }

  // A fault on purpose.
  void CountFault(Fault fault);

  // `method` is one of the service's and `code` a gRPC code's name: both come from fixed sets.
  void CountRequest(absl::string_view method, absl::string_view code);

  void CountResultLine(ResultLine what);
  void OnResultQueueChange(int64_t bytes);

  // `code` is UNAUTHENTICATED or PERMISSION_DENIED.
  void CountRefusedCall(absl::string_view code);

  // The certificate that is in use from now on expires then.
  void SetCertificateExpiry(absl::Time expiry);

  // The models that serve from now on.
  void SetModels(const ModelSet& models);

  // An attempt to load a model.
  void CountLoad(bool ok);

  // The text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  static constexpr size_t kQueues = 3;
  static constexpr size_t kStages = 9;

  void AddFrameMetrics(const std::vector<std::string>& categories);
  void AddVerdictMetrics();
  void AddQueueMetrics();
  void AddEventMetrics();
  void AddDevices(const MetricsOptions& options);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Counter>& refused_calls_;
  prometheus::Family<prometheus::Gauge>& certificate_expiry_;
  prometheus::Family<prometheus::Gauge>& model_info_;
  Mutex models_mu_;
  std::vector<prometheus::Gauge*> models_ ABSL_GUARDED_BY(models_mu_);
  prometheus::Counter& samples_drawn_;
  prometheus::Gauge& frames_in_flight_;
  prometheus::Gauge& streams_open_;
  prometheus::Histogram& batch_size_;
  prometheus::Gauge& result_queue_bytes_;
  std::array<prometheus::Counter*, 3> result_lines_{};      // ResultLine's order
  std::array<prometheus::Counter*, 2> replica_failures_{};  // lost, rebuilt
  prometheus::Counter* out_of_memory_ = nullptr;
  std::array<prometheus::Counter*, 2> loads_{};  // failed, ok
  std::array<prometheus::Counter*, kFaults> faults_{};
  std::array<prometheus::Gauge*, kQueues> queue_depth_{};
  std::array<prometheus::Histogram*, kStages> stages_{};
  std::array<prometheus::Counter*, 4> verdicts_{};  // by Verdict
  std::array<prometheus::Histogram*, kQueues> queue_wait_{};
  std::array<prometheus::Counter*, kFrameOutcomes> frames_{};
  std::array<prometheus::Counter*, kRefusals> refusals_{};
  std::unordered_map<std::string, prometheus::Histogram*> scores_;   // by category; never changes
  prometheus::Histogram* other_scores_ = nullptr;                    // of all other categories
  std::vector<std::unique_ptr<prometheus::Collectable>> collected_;  // asked at the time of the scrape
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_METRICS_H_
