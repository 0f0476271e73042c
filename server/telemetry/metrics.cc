#include "server/telemetry/metrics.h"

#include "prometheus/text_serializer.h"

namespace bayespfl::server {
namespace {

constexpr std::array<const char*, 3> kQueueNames = {"decode", "execute", "render"};  // PipelineQueue's order
constexpr std::array<const char*, 9> kStageNames = {"queue",  "decode",      "preprocess", "vision", "prompts",
                                                    "detect", "postprocess", "render",     "total"};
constexpr std::array<const char*, 8> kOutcomeNames = {"ok",      "invalid",   "refused", "unavailable",
                                                      "expired", "cancelled", "skipped", "failed"};

size_t OutcomeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return 0;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kNotFound:  // another model was asked for
      return 1;
    case absl::StatusCode::kResourceExhausted:
      return 2;
    case absl::StatusCode::kUnavailable:
      return 3;
    case absl::StatusCode::kDeadlineExceeded:
      return 4;
    case absl::StatusCode::kCancelled:
      return 5;
    case absl::StatusCode::kAborted:  // IsSkipped()
      return 6;
    default:
      return 7;
  }
}

}  // namespace

Metrics::Metrics(absl::string_view server_version)
    : requests_(prometheus::BuildCounter()
                    .Name("bayespfl_requests_total")
                    .Help("Calls that ended, by gRPC method and status code.")
                    .Register(registry_)),
      refused_calls_(prometheus::BuildCounter()
                         .Name("bayespfl_calls_refused_total")
                         .Help("Calls without permission, which no service saw.")
                         .Register(registry_)),
      model_info_(prometheus::BuildGauge()
                      .Name("bayespfl_model_info")
                      .Help("1 for each model that serves.")
                      .Register(registry_)),
      frames_in_flight_(prometheus::BuildGauge()
                            .Name("bayespfl_frames_in_flight")
                            .Help("Frames accepted and not answered yet.")
                            .Register(registry_)
                            .Add({})),
      streams_open_(prometheus::BuildGauge()
                        .Name("bayespfl_streams_open")
                        .Help("InspectStream calls that are open.")
                        .Register(registry_)
                        .Add({})),
      batch_size_(prometheus::BuildHistogram()
                      .Name("bayespfl_batch_size")
                      .Help("Frames that the model took in one call.")
                      .Register(registry_)
                      .Add({}, prometheus::Histogram::BucketBoundaries(kBatchBuckets.begin(), kBatchBuckets.end()))),
      result_queue_bytes_(prometheus::BuildGauge()
                              .Name("bayespfl_result_log_queue_bytes")
                              .Help("Lines waiting for the writer of the result log.")
                              .Register(registry_)
                              .Add({})) {
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
  auto& loads = prometheus::BuildCounter()
                    .Name("bayespfl_model_loads_total")
                    .Help("Attempts to load a model, by outcome.")
                    .Register(registry_);
  loads_ = {&loads.Add({{"outcome", "failed"}}), &loads.Add({{"outcome", "ok"}})};
  auto& faults = prometheus::BuildCounter()
                     .Name("bayespfl_injected_faults_total")
                     .Help("Faults on purpose, by kind; not 0 only with inject_faults.")
                     .Register(registry_);
  for (size_t i = 0; i < kFaults; ++i) {
    faults_[i] = &faults.Add({{"fault", std::string(FaultName(static_cast<Fault>(i)))}});
  }
  auto& depth = prometheus::BuildGauge()
                    .Name("bayespfl_queue_depth")
                    .Help("Frames waiting in the queue before a stage.")
                    .Register(registry_);
  for (size_t i = 0; i < kQueues; ++i) queue_depth_[i] = &depth.Add({{"queue", kQueueNames[i]}});
  auto& latency = prometheus::BuildHistogram()
                      .Name("bayespfl_stage_latency_seconds")
                      .Help("Wall-clock seconds of answered frames in each stage.")
                      .Register(registry_);
  const prometheus::Histogram::BucketBoundaries buckets(kLatencyBuckets.begin(), kLatencyBuckets.end());
  for (size_t i = 0; i < kStages; ++i) stages_[i] = &latency.Add({{"stage", kStageNames[i]}}, buckets);
  auto& frames = prometheus::BuildCounter()
                     .Name("bayespfl_frames_total")
                     .Help("Frames that ended, by outcome.")
                     .Register(registry_);
  for (size_t i = 0; i < kOutcomes; ++i) frames_[i] = &frames.Add({{"outcome", kOutcomeNames[i]}});
  prometheus::BuildGauge()
      .Name("bayespfl_build_info")
      .Help("1, with the server's version.")
      .Register(registry_)
      .Add({{"version", std::string(server_version)}})
      .Set(1);
}

Metrics::~Metrics() = default;

void Metrics::OnQueueChange(PipelineQueue queue, int change) {
  queue_depth_[static_cast<size_t>(queue)]->Increment(change);
}

void Metrics::OnFramesInFlightChange(int change) { frames_in_flight_.Increment(change); }

void Metrics::OnBatch(int frames) { batch_size_.Observe(frames); }

void Metrics::OnReplicaFailure(int /*replica*/, bool rebuilt) { replica_failures_[rebuilt ? 1 : 0]->Increment(); }

void Metrics::OnFrameFinished(const absl::Status& status, const FrameSeconds& seconds) {
  frames_[OutcomeOf(status)]->Increment();
  if (!status.ok()) return;
  const std::array<double, kStages> values = {
      seconds.queue,         seconds.decode,       seconds.model.preprocess,  seconds.model.vision,
      seconds.model.prompts, seconds.model.detect, seconds.model.postprocess, seconds.render,
      seconds.total};
  for (size_t i = 0; i < kStages; ++i) stages_[i]->Observe(values[i]);
}

void Metrics::CountFault(Fault fault) { faults_[static_cast<size_t>(fault)]->Increment(); }

void Metrics::CountResultLine(ResultLine what) { result_lines_.at(static_cast<size_t>(what))->Increment(); }

void Metrics::OnResultQueueChange(int64_t bytes) { result_queue_bytes_.Increment(static_cast<double>(bytes)); }

void Metrics::CountRequest(absl::string_view method, absl::string_view code) {
  requests_.Add({{"method", std::string(method)}, {"code", std::string(code)}}).Increment();
}

void Metrics::CountRefusedCall(absl::string_view code) {
  refused_calls_.Add({{"code", std::string(code)}}).Increment();
}

// Names and versions come from the operator's folders; series of models that are gone go too, so that swaps do not add
// up.
void Metrics::SetModels(const ModelSet& models) {
  MutexLock lock(models_mu_);
  for (prometheus::Gauge* gauge : models_) model_info_.Remove(gauge);
  models_.clear();
  for (const auto& [name, model] : models.models) {
    prometheus::Gauge& gauge =
        model_info_.Add({{"model", name}, {"version", model->info().version}, {"device", model->info().device}});
    gauge.Set(1);
    models_.push_back(&gauge);
  }
}

void Metrics::CountLoad(bool ok) { loads_[ok ? 1 : 0]->Increment(); }

std::string Metrics::Serialize() const { return prometheus::TextSerializer().Serialize(registry_.Collect()); }

}  // namespace bayespfl::server
