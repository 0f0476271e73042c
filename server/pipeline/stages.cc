#include "server/pipeline/stages.h"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/time/clock.h"
#include "model/inspector/assemble.h"
#include "model/verdict/result_id.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/errors.h"
#include "server/pipeline/render.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

// The verdict looks at the smoothed map at the model's size; larger maps are made only for who wants them (Render()).
bayespfl::Frame ModelFrame(const RgbImage& image, const Job& job) {
  bayespfl::Frame frame = JudgedFrame(image, job.setting);
  frame.map_deviation = job.request.options.deviation_map != MapEncoding::kNone;
  return frame;
}

PictureIdentity IdentityOf(const ImageSource& source) {
  const int significant_bits = source.significant_bits.value_or(0);
  const auto* raw = std::get_if<RawImage>(&source.pixels);
  if (raw == nullptr) {
    return bayespfl::IdentityOf(std::get<EncodedImage>(source.pixels).data, std::nullopt, significant_bits);
  }
  return bayespfl::IdentityOf(raw->data,
                              RawGeometry{.width = static_cast<uint32_t>(raw->width),
                                          .height = static_cast<uint32_t>(raw->height),
                                          .stride = static_cast<uint32_t>(raw->stride),
                                          .pfnc_pixel_format = PfncValue(raw->format),
                                          .max_trailing_bytes = static_cast<uint32_t>(raw->max_trailing_bytes)},
                              significant_bits);
}

// The picture's own errors, which the client can mend; others are the server's.
absl::Status WithPictureReason(const absl::Status& status) {
  if (!absl::IsInvalidArgument(status)) return status;
  return WithReason(status, IsOverImageLimit(status) ? ErrorReason::kPictureTooLarge : ErrorReason::kInvalidPicture);
}

std::vector<StageTiming> TimingsOf(const FrameSeconds& frame, const StageSeconds& model, double total) {
  return {{"queue", frame.queue},
          {"decode", frame.decode},
          {"preprocess", model.preprocess},
          {"vision", model.vision},
          {"prompts", model.prompts},
          {"detect", model.detect},
          {"postprocess", model.postprocess},
          {"render", frame.render},
          {"total", total}};
}

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

// The whole batch failed with this code, as opposed to single frames.
bool AllFailed(const std::vector<absl::StatusOr<ComputedFrame>>& results, absl::StatusCode code) {
  return std::all_of(results.begin(), results.end(),
                     [code](const auto& result) { return result.status().code() == code; });
}

}  // namespace

void Stages::Start() {
  MutexLock lock(threads_mu_);
  for (int i = 0; i < options_.decode_threads; ++i) threads_.emplace_back([this] { DecodeLoop(); });
  for (size_t i = 0; i < static_cast<size_t>(options_.replicas); ++i) {
    threads_.emplace_back([this, i] { ExecuteLoop(i); });
  }
  for (int i = 0; i < options_.render_threads; ++i) threads_.emplace_back([this] { RenderLoop(); });
  threads_.emplace_back([this] { flow_.DropExpired(); });
}

void Stages::Join() {
  MutexLock lock(threads_mu_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void Stages::DecodeLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = flow_.Take(PipelineQueue::kDecode);
    if (jobs.empty()) return;
    if (!flow_.DropIfDead(jobs.front(), Stage::kDecode)) DecodeOne(std::move(jobs.front()));
  }
}

void Stages::DecodeOne(JobPtr job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  absl::Status ready = DecodeAndPrepare(*job);
  NoteStep(job->request.timeline, FrameStep::kDecode, start, /*batch=*/0, !ready.ok());
  if (!ready.ok()) return flow_.Answer(std::move(job), std::move(ready));
  flow_.Forward(std::move(job), PipelineQueue::kExecute);
}

// The decoded picture lives in here only: while the frame waits, it holds what was prepared of it.
absl::Status Stages::DecodeAndPrepare(Job& job) const {
  const SteadyTime start = std::chrono::steady_clock::now();
  Inspection& inspection = job.outcome.inspection;
  inspection.provenance.picture = IdentityOf(job.request.image);
  const absl::StatusOr<RgbImage> image = Decode(job.request.image);
  if (!image.ok()) return WithPictureReason(image.status());
  job.request.image = {};
  job.request.owner.reset();  // the encoded bytes are not needed any more
  NotePicture(*image, inspection);
  if (job.request.options.picture != PictureEncoding::kNone) {
    absl::StatusOr<EncodedPicture> picture = EncodePicture(*image, job.request.options.picture);
    if (absl::IsInvalidArgument(picture.status())) {
      return WithReason(picture.status(), ErrorReason::kPictureTooLarge);
    }
    if (!picture.ok()) return picture.status();
    job.outcome.picture = *std::move(picture);
  }
  job.seconds.decode = SecondsSince(start);
  absl::StatusOr<std::unique_ptr<const PreparedFrame>> prepared = job.model->Prepare(ModelFrame(*image, job));
  if (!prepared.ok()) return prepared.status();
  job.prepared = *std::move(prepared);
  return absl::OkStatus();
}

absl::StatusOr<RgbImage> Stages::Decode(const ImageSource& source) const {
  if (options_.faults != nullptr) {
    const absl::Status fault = options_.faults->Check(Fault::kDecodeError);
    if (!fault.ok()) return fault;
  }
  if (const auto* raw = std::get_if<RawImage>(&source.pixels)) {
    return ConvertRawImage(*raw, options_.image_limits, source.significant_bits);
  }
  return DecodeImage(std::get<EncodedImage>(source.pixels).data, options_.image_limits, source.significant_bits);
}

void Stages::ExecuteLoop(size_t replica) {
  for (;;) {
    std::vector<JobPtr> taken = flow_.TakeBatch(replica);
    if (taken.empty()) return;
    ExecuteBatch(replica, std::move(taken));
  }
}

void Stages::ExecuteBatch(size_t replica, std::vector<JobPtr> taken) {
  std::vector<JobPtr> batch;
  for (JobPtr& job : taken) {
    if (!flow_.DropIfDead(job, Stage::kExecute)) batch.push_back(std::move(job));
  }
  if (batch.empty()) return;
  const std::shared_ptr<ServedModel> model = batch.front()->model;
  if (!model->Works(replica)) {
    for (JobPtr& job : batch) flow_.Answer(std::move(job), NoReplicaLeft(model->name()));
    return;
  }
  std::vector<const PreparedFrame*> frames;
  frames.reserve(batch.size());
  for (const JobPtr& job : batch) frames.push_back(job->prepared.get());
  observer_.OnBatch(static_cast<int>(batch.size()));
  const SteadyTime start = std::chrono::steady_clock::now();
  std::vector<absl::StatusOr<ComputedFrame>> results = RunModel(*model, replica, frames);
  admission_.NoteBatch(batch.size(), SecondsSince(start));
  results.resize(batch.size(), absl::InternalError("the model returned fewer results than frames"));
  for (size_t i = 0; i < batch.size(); ++i) {
    NoteStep(batch[i]->request.timeline, FrameStep::kExecute, start, static_cast<int>(batch.size()), !results[i].ok());
  }
  const absl::Status first = results.front().status();
  if (AllFailed(results, absl::StatusCode::kInternal)) return Recover(replica, *model, std::move(batch), first);
  if (AllFailed(results, absl::StatusCode::kResourceExhausted)) return ComputeInParts(replica, std::move(batch), first);
  for (size_t i = 0; i < batch.size(); ++i) {
    JobPtr& job = batch[i];
    job->prepared.reset();
    job->outcome.inspection.provenance.ran_alone = batch.size() == 1;
    if (!results[i].ok()) {
      flow_.Answer(std::move(job), results[i].status());
      continue;
    }
    job->computed = *std::move(results[i]);
    job->failures = 0;
    flow_.Forward(std::move(job), PipelineQueue::kRender);
  }
}

std::vector<absl::StatusOr<ComputedFrame>> Stages::RunModel(const ServedModel& model, size_t replica,
                                                            absl::Span<const PreparedFrame* const> frames) const {
  const Busy busy(observer_, model, replica);
  if (options_.faults != nullptr) {
    std::this_thread::sleep_for(options_.faults->Delay());
    for (const Fault fault : {Fault::kDeviceError, Fault::kDeviceMemory}) {
      const absl::Status status = options_.faults->Check(fault);
      if (!status.ok()) return std::vector<absl::StatusOr<ComputedFrame>>(frames.size(), status);
    }
  }
  return model.replica(replica).detector()->Compute(frames);
}

void Stages::ComputeInParts(size_t replica, std::vector<JobPtr> batch, const absl::Status& failure) {
  observer_.OnOutOfMemory(static_cast<int>(batch.size()));
  if (batch.size() > 1) {
    const auto middle = batch.begin() + static_cast<std::ptrdiff_t>(batch.size() / 2);
    std::vector<JobPtr> rest(std::make_move_iterator(middle), std::make_move_iterator(batch.end()));
    batch.erase(middle, batch.end());
    ExecuteBatch(replica, std::move(batch));
    return ExecuteBatch(replica, std::move(rest));
  }
  JobPtr job = std::move(batch.front());
  if (++job->failures <= 1) return flow_.Forward(std::move(job), PipelineQueue::kExecute);
  const ModelInfo& model = job->model->info();
  const int samples = job->setting.samples == 0 ? model.default_samples : job->setting.samples;
  const bool deviation = job->request.options.deviation_map != MapEncoding::kNone;
  flow_.Answer(std::move(job), FrameTooLarge(model, samples, deviation, failure.message()));
}

// The frames go back before the replica is rebuilt, so that another one can take them meanwhile.
void Stages::Recover(size_t replica, ServedModel& model, std::vector<JobPtr> batch, const absl::Status& failure) {
  for (JobPtr& job : batch) {
    if (++job->failures > 1) {
      flow_.Answer(std::move(job), WithReason(failure, ErrorReason::kDeviceFailed));
    } else {
      flow_.Forward(std::move(job), PipelineQueue::kExecute);
    }
  }
  const absl::Status rebuilt = [&] {
    const Busy busy(observer_, model, replica);  // a rebuild can hang like a batch
    return model.replica(replica).Rebuild();
  }();
  observer_.OnReplicaFailure(rebuilt.ok());
  if (rebuilt.ok()) return;
  model.Lose(replica);
  flow_.WakeReplicas();  // if it was the last, whoever is free answers its frames
  if (options_.on_replica_lost) options_.on_replica_lost();
}

void Stages::RenderLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = flow_.Take(PipelineQueue::kRender);
    if (jobs.empty()) return;
    if (!flow_.DropIfDead(jobs.front(), Stage::kRender)) RenderOne(std::move(jobs.front()));
  }
}

void Stages::RenderOne(JobPtr job) {
  const SteadyTime taken = std::chrono::steady_clock::now();
  const Detection detection = job->model->Finish(std::move(job->computed));
  const SteadyTime start = std::chrono::steady_clock::now();
  InspectionOutcome& outcome = job->outcome;
  absl::Status rendered = Render(detection, job->setting, job->request.options, outcome);
  job->seconds.render = SecondsSince(start);
  NoteStep(job->request.timeline, FrameStep::kRender, taken, /*batch=*/0, !rendered.ok());
  if (!rendered.ok()) return flow_.Answer(std::move(job), std::move(rendered));
  if (flow_.DropIfDead(job, Stage::kReply)) return;
  NoteProvenance(*job->model, outcome.inspection.provenance);
  outcome.inspection.timings = TimingsOf(job->seconds, detection.seconds, SecondsSince(job->request.arrival));
  FrameResult result = std::move(outcome);
  flow_.Answer(std::move(job), std::move(result));
}

// What the pipeline knows: the numbers' own part stands there already.
void Stages::NoteProvenance(const ServedModel& model, Provenance& provenance) const {
  NoteModel(model.info(), provenance);
  provenance.result_id = NewResultId(absl::Now());
  provenance.model = model.name();
  provenance.server_version = options_.server_version;
}

}  // namespace bayespfl::server
