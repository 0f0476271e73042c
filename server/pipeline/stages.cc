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

bayespfl::Frame ModelFrame(const Job& job) {
  const FrameOptions& options = job.request.options;
  return {.image = &job.image,
          .category = options.category,
          .seed = options.seed,
          .samples = options.samples,
          .map_size = options.resolution,
          .map_deviation = options.deviation_map != MapEncoding::kNone};
}

// The device failed as a whole, as opposed to single frames.
bool DeviceFailed(const std::vector<absl::StatusOr<Detection>>& results) {
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
  const SteadyTime start = std::chrono::steady_clock::now();
  absl::StatusOr<RgbImage> image = Decode(job->request.image);
  job->outcome.seconds.decode = SecondsSince(start);
  if (!image.ok()) return flow_.Answer(std::move(job), image.status());
  job->image = *std::move(image);
  job->request.image = {};
  job->request.owner.reset();  // the encoded bytes are not needed any more
  job->outcome.frame_width = job->image.width;
  job->outcome.frame_height = job->image.height;
  flow_.Forward(std::move(job), PipelineQueue::kExecute);
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
  std::vector<bayespfl::Frame> frames;
  frames.reserve(batch.size());
  for (const JobPtr& job : batch) frames.push_back(ModelFrame(*job));
  observer_.OnBatch(static_cast<int>(batch.size()));
  const SteadyTime start = std::chrono::steady_clock::now();
  std::vector<absl::StatusOr<Detection>> results = RunModel(model->replica(replica), frames);
  admission_.NoteBatch(batch.size(), SecondsSince(start));
  results.resize(batch.size(), absl::InternalError("the model returned fewer results than frames"));
  if (DeviceFailed(results)) return Recover(replica, *model, std::move(batch), results.front().status());
  for (size_t i = 0; i < batch.size(); ++i) {
    JobPtr& job = batch[i];
    job->image = {};
    if (!results[i].ok()) {
      flow_.Answer(std::move(job), results[i].status());
      continue;
    }
    job->detection = *std::move(results[i]);
    job->failures = 0;
    flow_.Forward(std::move(job), PipelineQueue::kRender);
  }
}

std::vector<absl::StatusOr<Detection>> Stages::RunModel(Executor& executor,
                                                        absl::Span<const bayespfl::Frame> frames) const {
  if (options_.faults != nullptr) {
    std::this_thread::sleep_for(options_.faults->Delay());
    const absl::Status fault = options_.faults->Check(Fault::kDeviceError);
    if (!fault.ok()) return std::vector<absl::StatusOr<Detection>>(frames.size(), fault);
  }
  return executor.Execute(frames);
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
  const SteadyTime start = std::chrono::steady_clock::now();
  const CategoryThresholds& thresholds = job->detection.thresholds;
  InspectionOutcome& outcome = job->outcome;
  absl::Status rendered = Render(job->detection, job->request.options, thresholds.mask, outcome);
  outcome.seconds.render = SecondsSince(start);
  if (!rendered.ok()) return flow_.Answer(std::move(job), std::move(rendered));
  outcome.seconds.model = job->detection.seconds;
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
