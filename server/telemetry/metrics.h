// The server's metrics, in the Prometheus text format. No label ever carries what a client sent.
//
//   bayespfl_calls_refused_total{code}             counter    calls without permission, which no service saw:
//                                                             UNAUTHENTICATED, PERMISSION_DENIED
//   bayespfl_grpc_refused_calls_total              counter    calls of methods that no service has
//   bayespfl_tls_certificate_expiry_timestamp_seconds
//                                                  gauge      of the certificate in use, since the Unix epoch; no
//                                                             series without TLS
//   bayespfl_frames_refused_total{reason}          counter    frames that were never accepted, whatever their outcome:
//                                                             the names of Refusal
//   bayespfl_samples_drawn_total                   counter    draws of the prompt distributions, of answered frames
//   bayespfl_frames_in_flight                      gauge      frames accepted and not answered yet
//   bayespfl_bytes_in_flight                       gauge      of their pictures as they came
//   bayespfl_streams_open                          gauge      streams of both services that are open
//   bayespfl_unsent_reply_bytes                    gauge      replies that gRPC has not taken yet
//   bayespfl_queue_depth{queue}                    gauge      frames waiting: admission, decode, execute, render
//   bayespfl_queue_bytes{queue}                    gauge      what they hold: of pictures as they came (admission), of
//                                                             decoded ones (execute), of maps (render)
//   bayespfl_queue_wait_seconds{queue}             histogram  frames that a stage took out of its queue
//   bayespfl_batch_size                            histogram  frames that the model took in one call
//   bayespfl_replica_failures_total{outcome}       counter    device failures: rebuilt (the replica works again), lost
//   bayespfl_replica_overdue_total{during}         counter    what took a replica longer than max_batch_seconds: batch,
//                                                             rebuild
//   bayespfl_out_of_memory_total                   counter    batches that the device's memory did not suffice for
//   bayespfl_result_log_lines_total{outcome}       counter    lines of the result log: written, dropped (the queue was
//                                                             full), failed (the disk was)
//   bayespfl_result_log_queue_bytes                gauge      lines waiting for the writer
//   bayespfl_injected_faults_total{fault}          counter    faults on purpose (inject_faults)
//   bayespfl_build_info{version}                   gauge      1
// Besides those of client_metrics.h, limit_metrics.h, model_metrics.h, process_metrics.h, request_metrics.h,
// state_metrics.h, trace_metrics.h and, on a machine with NVIDIA's driver, of device_metrics.h.
#ifndef BAYESPFL_SERVER_TELEMETRY_METRICS_H_
#define BAYESPFL_SERVER_TELEMETRY_METRICS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
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
#include "server/telemetry/client_metrics.h"
#include "server/telemetry/limit_metrics.h"
#include "server/telemetry/log.h"
#include "server/telemetry/nvml.h"
#include "server/telemetry/queue_names.h"
#include "server/telemetry/result_sink.h"
#include "server/telemetry/state_metrics.h"

namespace bayespfl::server {

class ModelMetrics;
class RequestMetrics;
class TraceMetrics;

struct MetricsOptions {
  std::string server_version = {};
  std::vector<std::string> methods = {};     // of all services; only these are counted as requests
  std::vector<std::string> categories = {};  // with series of their own; in MetricCategory()'s form
  MetricLimits limits = {};
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

  void OnQueueChange(PipelineQueue queue, int frames, int64_t bytes) override;
  void OnFramesInFlightChange(int frames, int64_t bytes) override;
  void OnWorkingBytes(int64_t bytes) override { working_bytes_.Increment(static_cast<double>(bytes)); }
  void OnBatch(int frames) override;
  void OnReplicaBusy(const ServedModel& model, size_t replica, bool busy) override;
  void OnReplicaOverdue(const ServedModel& model, size_t replica, ReplicaWork work) override;
  void OnReplicaFailure(bool rebuilt) override;
  void OnOutOfMemory(int frames) override;
  void OnQueueWait(PipelineQueue queue, double seconds) override;
  void OnFrameAnswered(const ServedModel& model, const std::string& client, const InspectionOutcome& outcome) override;
  void OnFrameFailed(const ServedModel* model, const std::string& client, const absl::Status& status) override;

  // A frame that was refused before it reached the pipeline: for the reason in `status`, or because it is wrong.
  // `client` is FrameRequest::client.
  void CountRejectedFrame(const std::string& client, const absl::Status& status);

  // `change` streams opened (> 0) or ended (< 0).
  void OnStreamsChange(int change) { streams_open_.Increment(change); }

  // The bytes of the replies that gRPC has not taken yet changed.
  void OnUnsentBytes(int64_t change) { unsent_reply_bytes_.Increment(static_cast<double>(change)); }

  // A fault on purpose.
  void CountFault(Fault fault);

  // A call of one of MetricsOptions::methods ended after `seconds`.
  void CountRequest(absl::string_view method, absl::StatusCode code, double seconds);

  // A call of a method that there is not.
  void CountUnknownMethod() { unknown_methods_.Increment(); }

  // A connection to a gRPC port that was closed as it came, because there are as many as may be.
  void CountRefusedConnection() { refused_connections_.Increment(); }

  // Connections that were broken off for what their clients sent.
  void CountBrokenConnections(size_t connections) { broken_connections_.Increment(static_cast<double>(connections)); }

  // The clients with series of their own from now on: their labels by FrameRequest::client.
  void SetClients(const std::map<std::string, std::string>& labels);

  // Who is asked what each of them takes from now on; until then there are no series of it.
  void SetClientProbe(ClientProbe probe);

  // Who is asked for the server's state from now on. Call it once; until then there are no series of it.
  void SetProbes(StateProbes probes);

  // What becomes of traces.
  TraceMetrics& traces() { return *traces_; }

  void CountResultLine(ResultLine what);
  void OnResultQueueChange(int64_t bytes);

  // `code` is UNAUTHENTICATED or PERMISSION_DENIED.
  void CountRefusedCall(absl::string_view code);

  // The certificate that is in use from now on expires then.
  void SetCertificateExpiry(absl::Time expiry);

  // ModelMetrics' methods of these names.
  std::shared_ptr<ModelNotes> NotesOf(const std::string& name, size_t replicas);
  void SetModels(const ModelSet& models);
  void NoteLoad(const std::string& name, bool ok, double seconds);

  // The text exposition format, version 0.0.4.
  std::string Serialize() const;

 private:
  static constexpr size_t kQueues = kQueueNames.size();

  void AddFrameMetrics();
  void AddQueueMetrics();
  void AddEventMetrics();
  void AddDevices(const MetricsOptions& options);

  prometheus::Registry registry_;
  prometheus::Family<prometheus::Counter>& refused_calls_;
  prometheus::Family<prometheus::Gauge>& certificate_expiry_;
  prometheus::Counter& unknown_methods_;
  prometheus::Counter& refused_connections_;
  prometheus::Counter& broken_connections_;
  prometheus::Counter& samples_drawn_;
  prometheus::Gauge& frames_in_flight_;
  prometheus::Gauge& bytes_in_flight_;
  prometheus::Gauge& working_bytes_;
  prometheus::Gauge& streams_open_;
  prometheus::Gauge& unsent_reply_bytes_;
  prometheus::Histogram& batch_size_;
  prometheus::Gauge& result_queue_bytes_;
  std::array<prometheus::Counter*, 3> result_lines_{};      // ResultLine's order
  std::array<prometheus::Counter*, 2> replica_failures_{};  // lost, rebuilt
  std::array<prometheus::Counter*, 2> overdue_{};           // ReplicaWork's order
  prometheus::Counter* out_of_memory_ = nullptr;
  std::array<prometheus::Counter*, kFaults> faults_{};
  std::array<prometheus::Gauge*, kQueues> queue_depth_{};
  std::array<prometheus::Gauge*, kQueues> queue_bytes_{};  // null: it has no such limit
  std::array<prometheus::Histogram*, kQueues> queue_wait_{};
  std::array<prometheus::Counter*, kRefusals> refusals_{};
  const std::unique_ptr<RequestMetrics> requests_;
  const std::unique_ptr<ModelMetrics> models_;
  const std::unique_ptr<ClientMetrics> clients_;
  const std::unique_ptr<TraceMetrics> traces_;

  mutable Mutex mu_;
  std::vector<std::unique_ptr<prometheus::Collectable>> collected_ ABSL_GUARDED_BY(mu_);  // at the time of the scrape
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_METRICS_H_
