// The server's metrics, in the Prometheus text format. No label ever carries what a client sent.
//
//   bayespfl_requests_total{method,code}           counter    calls that ended, by gRPC method and status code
//   bayespfl_frames_total{outcome}                 counter    frames of all calls and streams: ok, invalid, refused,
//                                                             unavailable, expired, cancelled, skipped,
//                                                             failed
//   bayespfl_stage_latency_seconds{stage}          histogram  answered frames: queue, decode, preprocess, vision,
//                                                             prompts, detect, postprocess, render, total
//   bayespfl_frames_in_flight                      gauge      frames accepted and not answered yet
//   bayespfl_queue_depth{queue}                    gauge      frames waiting: decode, execute, render
//   bayespfl_batch_size                            histogram  frames that the model took in one call
//   bayespfl_replica_failures_total{outcome}       counter    device failures: rebuilt (the replica works again), lost
//   bayespfl_result_log_lines_total{outcome}       counter    lines of the result log: written, dropped (the queue was
//                                                             full), failed (the disk was)
//   bayespfl_result_log_queue_bytes                gauge      lines waiting for the writer
//   bayespfl_model_info{name,version,device}       gauge      1 for the model that answers
//   bayespfl_build_info{version}                   gauge      1
#ifndef BAYESPFL_SERVER_TELEMETRY_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_METRICS_H_

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "model/detection/detector.h"
#include "prometheus/counter.h"
#include "prometheus/family.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"
#include "prometheus/registry.h"
#include "server/pipeline/observer.h"
#include "server/telemetry/result_sink.h"

namespace bayespfl::server {

// Upper bounds of the latency buckets, in seconds: 1 ms to 30 s, about two and a half per factor of ten. What a batch
// shares is counted for each of its frames.
inline constexpr std::array<double, 14> kLatencyBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                           0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

// Upper bounds of the batch size buckets, in frames.
inline constexpr std::array<double, 7> kBatchBuckets = {1, 2, 4, 8, 16, 32, 64};

// All methods are thread-safe.
class Metrics final : public PipelineObserver {
 public:
  explicit Metrics(absl::string_view server_version);
  ~Metrics() override;
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  void OnQueueChange(PipelineQueue queue, int change) override;
  void OnFramesInFlightChange(int change) override;
  void OnBatch(int frames) override;
  void OnReplicaFailure(int replica, bool rebuilt) override;
  void OnFrameFinished(const absl::Status& status, const FrameSeconds& seconds) override;

  // `method` is one of the service's and `code` a gRPC code's name: both come from fixed sets.
  void CountRequest(absl::string_view method, absl::string_view code);

  void CountResultLine(ResultLine what);
  void OnResultQueueChange(int64_t bytes);

  // The model that answers from now on; call once.
  void SetModel(const ModelInfo& info);

  // The text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  static constexpr size_t kQueues = 3;
  static constexpr size_t kStages = 9;
  static constexpr size_t kOutcomes = 8;

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& requests_;
  prometheus::Family<prometheus::Gauge>& model_info_;
  prometheus::Gauge& frames_in_flight_;
  prometheus::Histogram& batch_size_;
  prometheus::Gauge& result_queue_bytes_;
  std::array<prometheus::Counter*, 3> result_lines_{};      // ResultLine's order
  std::array<prometheus::Counter*, 2> replica_failures_{};  // lost, rebuilt
  std::array<prometheus::Gauge*, kQueues> queue_depth_{};
  std::array<prometheus::Histogram*, kStages> stages_{};
  std::array<prometheus::Counter*, kOutcomes> frames_{};
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_METRICS_H_
