#include "server/pipeline/executor.h"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include "server/pipeline/error_reason.h"
#include "server/pipeline/errors.h"
#include "server/pipeline/steady_time.h"
#include "server/pipeline/warm_up.h"

namespace bayespfl::server {
namespace {

constexpr int kMostFailures = 2;  // of one frame alone

// Tells the observer that a replica is busy for as long as it lives.
class Busy {
 public:
  Busy(PipelineObserver& observer, const ServedModel& model, size_t replica)
      : observer_(observer), model_(model), replica_(replica) {
    observer_.OnReplicaBusy(model_, replica_, true);
  }
  ~Busy() { observer_.OnReplicaBusy(model_, replica_, false); }
  Busy(const Busy&) = delete;
  Busy& operator=(const Busy&) = delete;

 private:
  PipelineObserver& observer_;
  const ServedModel& model_;
  const size_t replica_;
};

}  // namespace

// A batch that was computed: frame i is jobs[i], was made of prepared[i], and gave results[i].
struct Executor::Batch {
  SteadyTime start;
  std::vector<JobPtr> jobs;
  std::vector<std::unique_ptr<const PreparedFrame>> prepared;
  std::vector<absl::StatusOr<ComputedFrame>> results;
};

Executor::Executor(const PipelineOptions& options, PipelineObserver& observer, Admission& admission, FrameFlow& flow,
                   HungReplicas& hung)
    : options_(options),
      observer_(observer),
      admission_(admission),
      flow_(flow),
      watchdog_(static_cast<size_t>(options.replicas), options.max_batch_time, hung,
                [this](size_t replica, Watchdog::Work work) { OnOverdue(replica, std::move(work)); }),
      broken_(static_cast<size_t>(options.replicas)) {}

void Executor::Stop() {
  stop_ = true;
  watchdog_.Stop();
}

void Executor::Run(size_t replica) {
  for (;;) {
    std::vector<JobPtr> taken = flow_.TakeBatch(replica);
    if (taken.empty()) return;
    Execute(replica, std::move(taken));
  }
}

// The prepared frames stay here while the model has them; the jobs may be answered meanwhile.
void Executor::Execute(size_t replica, std::vector<JobPtr> taken) {
  Batch batch;
  for (JobPtr& job : taken) {
    if (!flow_.DropIfDead(job, Stage::kExecute)) batch.jobs.push_back(std::move(job));
  }
  if (batch.jobs.empty()) return;
  const size_t size = batch.jobs.size();
  const std::shared_ptr<ServedModel> model = batch.jobs.front()->model;
  std::shared_ptr<const Detector> detector = model->replica(replica).detector();
  if (detector == nullptr) {  // lost, or being rebuilt, since the frames were taken
    for (JobPtr& job : batch.jobs) flow_.PutBack(std::move(job));
    return;
  }
  std::vector<const PreparedFrame*> frames;
  for (const JobPtr& job : batch.jobs) {
    batch.prepared.push_back(std::move(job->prepared));
    frames.push_back(batch.prepared.back().get());
  }
  observer_.OnBatch(static_cast<int>(size));
  bool overdue = false;
  {
    const Busy busy(observer_, *model, replica);
    batch.start = std::chrono::steady_clock::now();
    watchdog_.Begin(replica,
                    {.kind = ReplicaWork::kBatch, .model = model, .start = batch.start, .jobs = std::move(batch.jobs)});
    batch.results = Compute(*detector, replica, frames);
    Watchdog::Ended ended = watchdog_.End(replica);
    batch.jobs = std::move(ended.jobs);
    overdue = ended.overdue;
  }
  detector.reset();  // so that it can be rebuilt
  if (overdue) return TellChange();
  admission_.NoteBatch(size, SecondsSince(batch.start));
  batch.results.resize(size, absl::InternalError("the model returned fewer results than frames"));
  const bool failed = std::any_of(batch.results.begin(), batch.results.end(),
                                  [](const auto& result) { return absl::IsInternal(result.status()); });
  Sort(std::move(batch));
  if (failed && !ProvesItself(replica, model)) Rebuild(replica, model);
}

std::vector<absl::StatusOr<ComputedFrame>> Executor::Compute(const Detector& detector, size_t replica,
                                                             absl::Span<const PreparedFrame* const> frames) {
  if (options_.faults != nullptr) {
    std::this_thread::sleep_for(options_.faults->Delay());
    absl::Status fault = broken_[replica];
    if (fault.ok()) fault = broken_[replica] = options_.faults->Check(Fault::kDeviceError);
    if (fault.ok()) fault = options_.faults->Check(Fault::kDeviceMemory);
    if (!fault.ok()) return std::vector<absl::StatusOr<ComputedFrame>>(frames.size(), fault);
  }
  return detector.Compute(frames);
}

// Those that go back do so before the others are forwarded, which may have to wait for room.
void Executor::Sort(Batch batch) {
  const size_t size = batch.jobs.size();
  const auto no_room = [](const auto& result) { return absl::IsResourceExhausted(result.status()); };
  if (std::any_of(batch.results.begin(), batch.results.end(), no_room)) {
    observer_.OnOutOfMemory(static_cast<int>(size));
  }
  for (size_t i = 0; i < size; ++i) {
    JobPtr& job = batch.jobs[i];
    const absl::Status status = batch.results[i].status();
    NoteStep(job->request.timeline, FrameStep::kExecute, batch.start, static_cast<int>(size), !status.ok());
    if (status.ok()) continue;
    job->prepared = std::move(batch.prepared[i]);
    if (absl::IsInternal(status)) {
      TryAgainAlone(std::move(job), size, status);
    } else if (absl::IsResourceExhausted(status)) {
      TryAgainInParts(std::move(job), size, status);
    } else {
      flow_.Answer(std::move(job), status);
    }
  }
  batch.prepared.clear();
  for (size_t i = 0; i < size; ++i) {
    JobPtr& job = batch.jobs[i];
    if (job == nullptr) continue;
    job->outcome.batch = static_cast<int>(size);
    job->outcome.inspection.provenance.ran_alone = size == 1;
    job->computed = *std::move(batch.results[i]);
    flow_.Forward(std::move(job), PipelineQueue::kRender);
  }
}

void Executor::TryAgainAlone(JobPtr job, size_t batch, const absl::Status& failure) {
  if (batch == 1 && ++job->failures == kMostFailures) {
    return flow_.Answer(std::move(job), WithReason(failure, ErrorReason::kDeviceFailed));
  }
  job->most_together = 1;
  flow_.PutBack(std::move(job));
}

void Executor::TryAgainInParts(JobPtr job, size_t batch, const absl::Status& failure) {
  if (batch > 1 || ++job->failures < kMostFailures) {
    job->most_together = std::max<size_t>(1, batch / 2);
    return flow_.PutBack(std::move(job));
  }
  const ModelInfo& model = job->model->info();
  const int samples = SamplesOf(*job);
  const bool deviation = job->request.options.deviation_map != MapEncoding::kNone;
  flow_.Answer(std::move(job), FrameTooLarge(model, samples, deviation, failure.message()));
}

// A device without memory for the frame is well.
bool Executor::ProvesItself(size_t replica, const std::shared_ptr<ServedModel>& model) {
  if (!broken_[replica].ok()) return false;
  const std::shared_ptr<const Detector> detector = model->replica(replica).detector();
  if (detector == nullptr) return true;  // another replica that shares the weights is about to find out
  const Busy busy(observer_, *model, replica);
  watchdog_.Begin(replica, {.kind = ReplicaWork::kBatch, .model = model});
  const absl::Status proof = WarmUp(*detector, /*max_batch=*/1, stop_);
  if (watchdog_.End(replica).overdue) TellChange();
  return proof.ok() || absl::IsResourceExhausted(proof) || absl::IsCancelled(proof);
}

void Executor::Rebuild(size_t replica, const std::shared_ptr<ServedModel>& model) {
  const absl::Status rebuilt = [&] {
    const Busy busy(observer_, *model, replica);
    watchdog_.Begin(replica, {.kind = ReplicaWork::kRebuild, .model = model});
    absl::Status status = model->replica(replica).Rebuild(
        [this](const Detector& detector) { return WarmUp(detector, options_.max_batch, stop_); });
    watchdog_.End(replica);
    return status;
  }();
  broken_[replica] = absl::OkStatus();
  observer_.OnReplicaFailure(rebuilt.ok());
  flow_.WakeReplicas();  // those that share the weights
  if (rebuilt.ok()) return;
  flow_.DropUnserved();
  TellChange();
}

void Executor::OnOverdue(size_t replica, Watchdog::Work work) {
  observer_.OnReplicaOverdue(*work.model, replica, work.kind);
  if (options_.on_overdue) options_.on_overdue(work.model->name(), replica, work.kind);
  if (work.kind == ReplicaWork::kRebuild) return;
  const auto size = static_cast<int>(work.jobs.size());
  for (JobPtr& job : work.jobs) {
    NoteStep(job->request.timeline, FrameStep::kExecute, work.start, size, /*failed=*/true);
    flow_.Answer(std::move(job), DeviceHung(work.model->name()));
  }
  flow_.DropUnserved();
  TellChange();
}

void Executor::TellChange() const {
  if (options_.on_replica_change) options_.on_replica_change();
}

}  // namespace bayespfl::server
