#include "server/telemetry/metrics.h"

#include <iterator>
#include <utility>

#include "absl/status/statusor.h"
#include "prometheus/text_serializer.h"
#include "server/telemetry/buckets.h"
#include "server/telemetry/client_metrics.h"
#include "server/telemetry/device_metrics.h"
#include "server/telemetry/frame_outcome.h"
#include "server/telemetry/model_metrics.h"
#include "server/telemetry/process_metrics.h"
#include "server/telemetry/queue_names.h"
#include "server/telemetry/request_metrics.h"
#include "server/telemetry/trace_metrics.h"

namespace bayespfl::server {
namespace {

prometheus::Gauge& NewGauge(const char* name, const char* help, prometheus::Registry& registry) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(registry).Add({});
}

prometheus::Counter& NewCounter(const char* name, const char* help, prometheus::Registry& registry) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(registry).Add({});
}

}  // namespace

Metrics::Metrics(const MetricsOptions& options)
    : refused_calls_(prometheus::BuildCounter()
                         .Name("bayespfl_calls_refused_total")
                         .Help("Calls without permission, which no service saw.")
                         .Register(registry_)),
      certificate_expiry_(prometheus::BuildGauge()
                              .Name("bayespfl_tls_certificate_expiry_timestamp_seconds")
                              .Help("Expiry of the TLS certificate in use, in seconds since the Unix epoch.")
                              .Register(registry_)),
      unknown_methods_(
          NewCounter("bayespfl_grpc_refused_calls_total", "Calls of methods that no service has.", registry_)),
      refused_connections_(NewCounter("bayespfl_connections_refused_total",
                                      "Connections to the gRPC ports beyond what may be open.", registry_)),
      broken_connections_(NewCounter("bayespfl_connections_broken_total",
                                     "Connections broken off for what their clients sent.", registry_)),
      samples_drawn_(NewCounter("bayespfl_samples_drawn_total",
                                "Draws of the prompt distributions, of answered frames.", registry_)),
      frames_in_flight_(NewGauge("bayespfl_frames_in_flight", "Frames accepted and not answered yet.", registry_)),
      bytes_in_flight_(NewGauge("bayespfl_bytes_in_flight",
                                "Bytes of the pictures, as they came, of frames accepted and not answered yet.",
                                registry_)),
      working_bytes_(NewGauge("bayespfl_working_bytes",
                              "Memory of pictures that are being decoded and of maps that are being encoded.",
                              registry_)),
      streams_open_(NewGauge("bayespfl_streams_open", "Streams of both services that are open.", registry_)),
      unsent_reply_bytes_(NewGauge("bayespfl_unsent_reply_bytes", "Replies that gRPC has not taken yet.", registry_)),
      batch_size_(prometheus::BuildHistogram()
                      .Name("bayespfl_batch_size")
                      .Help("Frames that the model took in one call.")
                      .Register(registry_)
                      .Add({}, BucketsOf(kBatchBuckets))),
      result_queue_bytes_(
          NewGauge("bayespfl_result_log_queue_bytes", "Lines waiting for the writer of the result log.", registry_)),
      requests_(std::make_unique<RequestMetrics>(options.methods)),
      models_(std::make_unique<ModelMetrics>(options.categories)),
      clients_(std::make_unique<ClientMetrics>()),
      traces_(std::make_unique<TraceMetrics>()) {
  AddFrameMetrics();
  AddQueueMetrics();
  AddEventMetrics();
  AddLimits(options.limits, registry_);
  prometheus::BuildGauge()
      .Name("bayespfl_build_info")
      .Help("1, with the server's version.")
      .Register(registry_)
      .Add({{"version", options.server_version}})
      .Set(1);
  AddDevices(options);
}

void Metrics::AddFrameMetrics() {
  auto& refusals = prometheus::BuildCounter()
                       .Name("bayespfl_frames_refused_total")
                       .Help("Frames that were never accepted, by reason.")
                       .Register(registry_);
  for (size_t i = 0; i < kRefusals; ++i) {
    refusals_[i] = &refusals.Add({{"reason", std::string(RefusalName(static_cast<Refusal>(i)))}});
  }
}

void Metrics::AddQueueMetrics() {
  auto& depth = prometheus::BuildGauge()
                    .Name("bayespfl_queue_depth")
                    .Help("Frames waiting in the queue before a stage.")
                    .Register(registry_);
  auto& wait = prometheus::BuildHistogram()
                   .Name("bayespfl_queue_wait_seconds")
                   .Help("Wall-clock seconds that frames waited before a stage took them.")
                   .Register(registry_);
  for (size_t i = 0; i < kQueues; ++i) {
    queue_depth_[i] = &depth.Add({{"queue", kQueueNames[i]}});
    queue_wait_[i] = &wait.Add({{"queue", kQueueNames[i]}}, BucketsOf(kLatencyBuckets));
  }
  auto& bytes = prometheus::BuildGauge()
                    .Name("bayespfl_queue_bytes")
                    .Help("Decoded pictures and maps that the frames waiting in the queue hold.")
                    .Register(registry_);
  for (const PipelineQueue queue : kWeighedQueues) {
    queue_bytes_[static_cast<size_t>(queue)] = &bytes.Add({{"queue", QueueName(queue)}});
  }
}

void Metrics::AddEventMetrics() {
  auto& lines = prometheus::BuildCounter()
                    .Name("bayespfl_result_log_lines_total")
                    .Help("Lines of the result log, by what became of them.")
                    .Register(registry_);
  result_lines_ = {&lines.Add({{"outcome", "written"}}), &lines.Add({{"outcome", "dropped"}}),
                   &lines.Add({{"outcome", "failed"}})};
  auto& failures = prometheus::BuildCounter()
                       .Name("bayespfl_replica_failures_total")
                       .Help("Device failures, by whether the replica could be rebuilt.")
                       .Register(registry_);
  replica_failures_ = {&failures.Add({{"outcome", "lost"}}), &failures.Add({{"outcome", "rebuilt"}})};
  auto& overdue = prometheus::BuildCounter()
                      .Name("bayespfl_replica_overdue_total")
                      .Help("Batches and rebuilds that took longer than max_batch_seconds.")
                      .Register(registry_);
  overdue_ = {&overdue.Add({{"during", "batch"}}), &overdue.Add({{"during", "rebuild"}})};
  out_of_memory_ =
      &NewCounter("bayespfl_out_of_memory_total",
                  "Batches that the device's memory did not suffice for; they were computed in parts.", registry_);
  auto& faults = prometheus::BuildCounter()
                     .Name("bayespfl_injected_faults_total")
                     .Help("Faults on purpose, by kind; not 0 only with inject_faults.")
                     .Register(registry_);
  for (size_t i = 0; i < kFaults; ++i) {
    faults_[i] = &faults.Add({{"fault", std::string(FaultName(static_cast<Fault>(i)))}});
  }
  // There from the start, so that the first refusal is an increase.
  for (const char* code : {"UNAUTHENTICATED", "PERMISSION_DENIED"}) refused_calls_.Add({{"code", code}});
}

void Metrics::AddDevices(const MetricsOptions& options) {
  MutexLock lock(mu_);
  collected_.push_back(std::make_unique<ProcessMetrics>());
  absl::StatusOr<std::unique_ptr<Nvml>> nvml = Nvml::Load(options.nvml_library);
  if (nvml.ok()) {
    collected_.push_back(std::make_unique<DeviceMetrics>(*std::move(nvml), options.visible_devices));
  } else if (options.logger != nullptr && !absl::IsNotFound(nvml.status())) {
    options.logger->Warning("there are no metrics of GPUs", {{"error", std::string(nvml.status().message())}});
  }
}

Metrics::~Metrics() = default;

void Metrics::OnQueueChange(PipelineQueue queue, int frames, int64_t bytes) {
  const auto index = static_cast<size_t>(queue);
  queue_depth_[index]->Increment(frames);
  if (queue_bytes_[index] != nullptr) queue_bytes_[index]->Increment(static_cast<double>(bytes));
}

void Metrics::OnFramesInFlightChange(int frames, int64_t bytes) {
  frames_in_flight_.Increment(frames);
  bytes_in_flight_.Increment(static_cast<double>(bytes));
}

void Metrics::OnReplicaBusy(const ServedModel& model, size_t replica, bool busy) {
  models_->NoteBusy(model, replica, busy);
}

void Metrics::OnBatch(int frames) { batch_size_.Observe(frames); }

void Metrics::OnReplicaFailure(bool rebuilt) { replica_failures_[rebuilt ? 1 : 0]->Increment(); }

void Metrics::OnReplicaOverdue(const ServedModel& /*model*/, size_t /*replica*/, ReplicaWork work) {
  overdue_.at(static_cast<size_t>(work))->Increment();
}

void Metrics::OnOutOfMemory(int /*frames*/) { out_of_memory_->Increment(); }

void Metrics::OnQueueWait(PipelineQueue queue, double seconds) {
  queue_wait_[static_cast<size_t>(queue)]->Observe(seconds);
}

void Metrics::OnFrameAnswered(const ServedModel& model, const std::string& client, const InspectionOutcome& outcome) {
  models_->CountAnswered(model, outcome);
  clients_->Count(client, FrameOutcome::kOk);
  samples_drawn_.Increment(outcome.inspection.provenance.samples);
}

void Metrics::OnFrameFailed(const ServedModel* model, const std::string& client, const absl::Status& status) {
  const FrameOutcome outcome = FrameOutcomeOf(status);
  models_->CountFailed(model, outcome);
  clients_->Count(client, outcome);
  const std::optional<Refusal> refusal = RefusalOf(status);
  if (refusal.has_value()) refusals_[static_cast<size_t>(*refusal)]->Increment();
}

void Metrics::CountRejectedFrame(const std::string& client, const absl::Status& status) {
  OnFrameFailed(/*model=*/nullptr, client,
                RefusalOf(status).has_value() ? status : WithRefusal(status, Refusal::kInvalid));
}

void Metrics::CountFault(Fault fault) { faults_[static_cast<size_t>(fault)]->Increment(); }

void Metrics::CountResultLine(ResultLine what) { result_lines_.at(static_cast<size_t>(what))->Increment(); }

void Metrics::OnResultQueueChange(int64_t bytes) { result_queue_bytes_.Increment(static_cast<double>(bytes)); }

void Metrics::CountRequest(absl::string_view method, absl::StatusCode code, double seconds) {
  requests_->Count(method, code, seconds);
}

void Metrics::CountRefusedCall(absl::string_view code) {
  refused_calls_.Add({{"code", std::string(code)}}).Increment();
}

void Metrics::SetCertificateExpiry(absl::Time expiry) {
  certificate_expiry_.Add({}).Set(absl::ToDoubleSeconds(expiry - absl::UnixEpoch()));
}

void Metrics::SetClients(const std::map<std::string, std::string>& labels) { clients_->SetClients(labels); }

void Metrics::SetClientProbe(ClientProbe probe) { clients_->SetProbe(std::move(probe)); }

void Metrics::SetProbes(StateProbes probes) {
  MutexLock lock(mu_);
  collected_.push_back(std::make_unique<StateMetrics>(std::move(probes)));
}

std::shared_ptr<ModelNotes> Metrics::NotesOf(const std::string& name, size_t replicas) {
  return models_->NotesOf(name, replicas);
}

void Metrics::SetModels(const ModelSet& models) { models_->SetModels(models); }

void Metrics::NoteLoad(const std::string& name, bool ok, double seconds) { models_->NoteLoad(name, ok, seconds); }

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  const auto add = [&families](const prometheus::Collectable& collectable) {
    std::vector<prometheus::MetricFamily> more = collectable.Collect();
    std::move(more.begin(), more.end(), std::back_inserter(families));
  };
  add(*requests_);
  add(*models_);
  add(*clients_);
  add(*traces_);
  {
    MutexLock lock(mu_);
    for (const auto& collectable : collected_) add(*collectable);
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace bayespfl::server
