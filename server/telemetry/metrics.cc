#include "server/telemetry/metrics.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "prometheus/text_serializer.h"
#include "server/telemetry/device_metrics.h"
#include "server/telemetry/metric_category.h"
#include "server/telemetry/process_metrics.h"

namespace bayespfl::server {
namespace {

constexpr std::array<const char*, 3> kQueueNames = {"decode", "execute", "render"};  // PipelineQueue's order
constexpr std::array<absl::string_view, 9> kStageNames = {"queue",  "decode",      "preprocess", "vision", "prompts",
                                                          "detect", "postprocess", "render",     "total"};
constexpr std::array<Verdict, 4> kVerdicts = {Verdict::kNone, Verdict::kPass, Verdict::kReview, Verdict::kFail};

template <size_t kCount>
prometheus::Histogram::BucketBoundaries BucketsOf(const std::array<double, kCount>& bounds) {
  return {bounds.begin(), bounds.end()};
}

size_t IndexOf(const absl::Status& status) { return static_cast<size_t>(FrameOutcomeOf(status)); }

}  // namespace

Metrics::Metrics(const MetricsOptions& options)
    : requests_(prometheus::BuildCounter()
                    .Name("bayespfl_requests_total")
                    .Help("Calls that ended, by gRPC method and status code.")
                    .Register(registry_)),
      refused_calls_(prometheus::BuildCounter()
                         .Name("bayespfl_calls_refused_total")
                         .Help("Calls without permission, which no service saw.")
                         .Register(registry_)),
      certificate_expiry_(prometheus::BuildGauge()
                              .Name("bayespfl_tls_certificate_expiry_timestamp_seconds")
                              .Help("Expiry of the TLS certificate in use, in seconds since the Unix epoch.")
                              .Register(registry_)),
      model_info_(prometheus::BuildGauge()
                      .Name("bayespfl_model_info")
                      .Help("1 for each model that serves.")
                      .Register(registry_)),
      samples_drawn_(prometheus::BuildCounter()
                         .Name("bayespfl_samples_drawn_total")
                         .Help("Draws of the prompt distributions, of answered frames.")
                         .Register(registry_)
                         .Add({})),
      frames_in_flight_(prometheus::BuildGauge()
                            .Name("bayespfl_frames_in_flight")
                            .Help("Frames accepted and not answered yet.")
                            .Register(registry_)
                            .Add({})),
      streams_open_(prometheus::BuildGauge()
                        .Name("bayespfl_streams_open")
                        .Help("Streams of both services that are open.")
                        .Register(registry_)
                        .Add({})),
      batch_size_(prometheus::BuildHistogram()
                      .Name("bayespfl_batch_size")
                      .Help("Frames that the model took in one call.")
                      .Register(registry_)
                      .Add({}, BucketsOf(kBatchBuckets))),
      result_queue_bytes_(prometheus::BuildGauge()
                              .Name("bayespfl_result_log_queue_bytes")
                              .Help("Lines waiting for the writer of the result log.")
                              .Register(registry_)
                              .Add({})) {
  AddFrameMetrics(options.categories);
  AddVerdictMetrics();
  AddQueueMetrics();
  AddEventMetrics();
  prometheus::BuildGauge()
      .Name("bayespfl_build_info")
      .Help("1, with the server's version.")
      .Register(registry_)
      .Add({{"version", options.server_version}})
      .Set(1);
  collected_.push_back(std::make_unique<ProcessMetrics>());
  AddDevices(options);
}

void Metrics::AddFrameMetrics(const std::vector<std::string>& categories) {
  auto& frames = prometheus::BuildCounter()
                     .Name("bayespfl_frames_total")
                     .Help("Frames that ended, by outcome.")
                     .Register(registry_);
  for (size_t i = 0; i < kFrameOutcomes; ++i) {
    frames_[i] = &frames.Add({{"outcome", std::string(FrameOutcomeName(static_cast<FrameOutcome>(i)))}});
  }
  auto& refusals = prometheus::BuildCounter()
                       .Name("bayespfl_frames_refused_total")
                       .Help("Frames that were never accepted, by reason.")
                       .Register(registry_);
  for (size_t i = 0; i < kRefusals; ++i) {
    refusals_[i] = &refusals.Add({{"reason", std::string(RefusalName(static_cast<Refusal>(i)))}});
  }
  auto& latency = prometheus::BuildHistogram()
                      .Name("bayespfl_stage_latency_seconds")
                      .Help("Wall-clock seconds of answered frames in each stage.")
                      .Register(registry_);
  for (size_t i = 0; i < kStages; ++i)
    stages_[i] = &latency.Add({{"stage", std::string(kStageNames[i])}}, BucketsOf(kLatencyBuckets));
  auto& scores = prometheus::BuildHistogram()
                     .Name("bayespfl_score")
                     .Help("Image scores of answered frames, by the categories of metric_categories.")
                     .Register(registry_);
  for (const std::string& category : categories) {
    scores_[category] = &scores.Add({{"category", category}}, BucketsOf(kScoreBuckets));
  }
  other_scores_ = &scores.Add({{"category", std::string(kOtherCategory)}}, BucketsOf(kScoreBuckets));
}

void Metrics::AddVerdictMetrics() {
  auto& verdicts = prometheus::BuildCounter()
                       .Name("bayespfl_verdicts_total")
                       .Help("Frames that were answered, by verdict; none: the category is not calibrated.")
                       .Register(registry_);
  for (const Verdict verdict : kVerdicts) {
    const std::string name = absl::AsciiStrToLower(VerdictName(verdict));
    verdicts_[static_cast<size_t>(verdict)] = &verdicts.Add({{"verdict", name}});
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
  out_of_memory_ = &prometheus::BuildCounter()
                        .Name("bayespfl_out_of_memory_total")
                        .Help("Batches that the device's memory did not suffice for; they were computed in parts.")
                        .Register(registry_)
                        .Add({});
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
  // There from the start, so that the first refusal is an increase.
  for (const char* code : {"UNAUTHENTICATED", "PERMISSION_DENIED"}) refused_calls_.Add({{"code", code}});
}

void Metrics::AddDevices(const MetricsOptions& options) {
  absl::StatusOr<std::unique_ptr<Nvml>> nvml = Nvml::Load(options.nvml_library);
  if (nvml.ok()) {
    collected_.push_back(std::make_unique<DeviceMetrics>(*std::move(nvml), options.visible_devices));
  } else if (options.logger != nullptr && !absl::IsNotFound(nvml.status())) {
    options.logger->Warning("there are no metrics of GPUs", {{"error", std::string(nvml.status().message())}});
  }
}

Metrics::~Metrics() = default;

void Metrics::OnQueueChange(PipelineQueue queue, int change) {
  queue_depth_[static_cast<size_t>(queue)]->Increment(change);
}

void Metrics::OnFramesInFlightChange(int change) { frames_in_flight_.Increment(change); }

void Metrics::OnBatch(int frames) { batch_size_.Observe(frames); }

void Metrics::OnReplicaFailure(bool rebuilt) { replica_failures_[rebuilt ? 1 : 0]->Increment(); }

void Metrics::OnOutOfMemory(int /*frames*/) { out_of_memory_->Increment(); }

void Metrics::OnQueueWait(PipelineQueue queue, double seconds) {
  queue_wait_[static_cast<size_t>(queue)]->Observe(seconds);
}

void Metrics::OnFrameAnswered(const InspectionOutcome& outcome) {
  frames_[IndexOf(absl::OkStatus())]->Increment();
  const Inspection& result = outcome.inspection;
  samples_drawn_.Increment(result.provenance.samples);
  const auto listed = scores_.find(MetricCategory(result.category));
  (listed == scores_.end() ? other_scores_ : listed->second)->Observe(result.score);
  verdicts_[static_cast<size_t>(result.decision.verdict)]->Increment();
  for (const StageTiming& timing : result.timings) {
    const auto* const name = std::find(kStageNames.begin(), kStageNames.end(), timing.stage);
    if (name != kStageNames.end()) stages_[static_cast<size_t>(name - kStageNames.begin())]->Observe(timing.seconds);
  }
}

void Metrics::OnFrameFailed(const absl::Status& status) {
  frames_[IndexOf(status)]->Increment();
  const std::optional<Refusal> refusal = RefusalOf(status);
  if (refusal.has_value()) refusals_[static_cast<size_t>(*refusal)]->Increment();
}

void Metrics::CountRejectedFrame(const absl::Status& status) {
  OnFrameFailed(RefusalOf(status).has_value() ? status : WithRefusal(status, Refusal::kInvalid));
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

void Metrics::SetCertificateExpiry(absl::Time expiry) {
  certificate_expiry_.Add({}).Set(absl::ToDoubleSeconds(expiry - absl::UnixEpoch()));
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

std::string Metrics::Serialize() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  for (const auto& collectable : collected_) {
    std::vector<prometheus::MetricFamily> more = collectable->Collect();
    std::move(more.begin(), more.end(), std::back_inserter(families));
  }
  return prometheus::TextSerializer().Serialize(families);
}

}  // namespace bayespfl::server
