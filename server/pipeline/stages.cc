#include "server/pipeline/stages.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <variant>

#include "server/pipeline/errors.h"
#include "server/pipeline/render.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

// The mask's area is told for every frame, but a frame without maps needs none of its own size for that (Render()).
bayespfl::Frame ModelFrame(const RgbImage& image, const FrameOptions& options) {
  return {.image = &image,
          .category = options.category,
          .seed = options.seed,
          .samples = options.samples,
          .map_size = WantsMaps(options) ? options.resolution : MapSize::kModel,
          .map_deviation = options.deviation_map != MapEncoding::kNone};
}

// The device failed as a whole, as opposed to single frames.
bool DeviceFailed(const std::vector<absl::StatusOr<ComputedFrame>>& results) {
  return std::all_of(results.begin(), results.end(),
                     [](const auto& result) { return absl::IsInternal(result.status()); });
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
  absl::Status ready = DecodeAndPrepare(*job);
  if (!ready.ok()) return flow_.Answer(std::move(job), std::move(ready));
  flow_.Forward(std::move(job), PipelineQueue::kExecute);
}

// The decoded picture lives in here only: while the frame waits, it holds what was prepared of it.
absl::Status Stages::DecodeAndPrepare(Job& job) const {
  const SteadyTime start = std::chrono::steady_clock::now();
  const absl::StatusOr<RgbImage> image = Decode(job.request.image);
  job.outcome.seconds.decode = SecondsSince(start);
  if (!image.ok()) return image.status();
  job.request.image = {};
  job.request.owner.reset();  // the encoded bytes are not needed any more
  job.outcome.frame_width = image->width;
  job.outcome.frame_height = image->height;
  absl::StatusOr<std::unique_ptr<const PreparedFrame>> prepared =
      job.model->Prepare(ModelFrame(*image, job.request.options));
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
    std::vector<JobPtr> batch;
    for (JobPtr& job : taken) {
      if (!flow_.DropIfDead(job, Stage::kExecute)) batch.push_back(std::move(job));
    }
    if (!batch.empty()) ExecuteBatch(replica, std::move(batch));
  }
}

void Stages::ExecuteBatch(size_t replica, std::vector<JobPtr> batch) {
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
  std::vector<absl::StatusOr<ComputedFrame>> results = RunModel(*model->replica(replica).detector(), frames);
  admission_.NoteBatch(batch.size(), SecondsSince(start));
  results.resize(batch.size(), absl::InternalError("the model returned fewer results than frames"));
  if (DeviceFailed(results)) return Recover(replica, *model, std::move(batch), results.front().status());
  for (size_t i = 0; i < batch.size(); ++i) {
    JobPtr& job = batch[i];
    job->prepared.reset();
    if (!results[i].ok()) {
      flow_.Answer(std::move(job), results[i].status());
      continue;
    }
    job->computed = *std::move(results[i]);
    job->failures = 0;
    flow_.Forward(std::move(job), PipelineQueue::kRender);
  }
}

std::vector<absl::StatusOr<ComputedFrame>> Stages::RunModel(const Detector& detector,
                                                            absl::Span<const PreparedFrame* const> frames) const {
  if (options_.faults != nullptr) {
    std::this_thread::sleep_for(options_.faults->Delay());
    const absl::Status fault = options_.faults->Check(Fault::kDeviceError);
    if (!fault.ok()) return std::vector<absl::StatusOr<ComputedFrame>>(frames.size(), fault);
  }
  return detector.Compute(frames);
}

// The frames go back before the replica is rebuilt, so that another one can take them meanwhile.
void Stages::Recover(size_t replica, ServedModel& model, std::vector<JobPtr> batch, const absl::Status& failure) {
  for (JobPtr& job : batch) {
    if (++job->failures > 1) {
      flow_.Answer(std::move(job), failure);
    } else {
      flow_.Forward(std::move(job), PipelineQueue::kExecute);
    }
  }
  const absl::Status rebuilt = model.replica(replica).Rebuild();
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
  const Detection detection = job->model->Finish(std::move(job->computed));
  const SteadyTime start = std::chrono::steady_clock::now();
  const CategoryThresholds& thresholds = detection.thresholds;
  InspectionOutcome& outcome = job->outcome;
  absl::Status rendered = Render(detection, job->request.options, thresholds.mask, outcome);
  outcome.seconds.render = SecondsSince(start);
  if (!rendered.ok()) return flow_.Answer(std::move(job), std::move(rendered));
  outcome.seconds.model = detection.seconds;
  outcome.model = job->model->name();
  outcome.model_version = job->model->info().version;
  outcome.calibrated = thresholds.calibrated;
  outcome.score_threshold = thresholds.score;
  if (flow_.DropIfDead(job, Stage::kReply)) return;
  outcome.seconds.total = SecondsSince(job->request.arrival);
  FrameResult result = std::move(outcome);
  flow_.Answer(std::move(job), std::move(result));
}

}  // namespace bayespfl::server
