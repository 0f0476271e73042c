#include "server/pipeline/pipeline.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "server/pipeline/render.h"

namespace bayespfl::server {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

double SecondsSince(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// DeadlineExceeded before Cancelled: gRPC cancels a call whose deadline passed, and the deadline is the reason then.
absl::Status CheckAlive(const FrameRequest& request, Stage reached) {
  if (absl::Now() >= request.deadline) {
    return absl::DeadlineExceededError(
        absl::StrFormat("the deadline passed (%.3f s after the frame's arrival); the frame had reached the stage %s",
                        SecondsSince(request.arrival), StageName(reached)));
  }
  if (request.cancellation != nullptr && request.cancellation->cancelled()) {
    return absl::CancelledError(absl::StrCat("the client left; the frame had reached the stage ", StageName(reached)));
  }
  return absl::OkStatus();
}

absl::StatusOr<RgbImage> Decode(const ImageSource& source, const ImageLimits& limits) {
  if (const auto* raw = std::get_if<RawImage>(&source.pixels)) {
    return ConvertRawImage(*raw, limits, source.significant_bits);
  }
  return DecodeImage(std::get<EncodedImage>(source.pixels).data, limits, source.significant_bits);
}

}  // namespace

absl::string_view StageName(Stage stage) {
  switch (stage) {
    case Stage::kAdmission:
      return "admission";
    case Stage::kDecode:
      return "decode";
    case Stage::kExecute:
      return "execute";
    case Stage::kRender:
      return "render";
    case Stage::kReply:
      return "reply";
  }
  return "unknown";
}

// A frame inside the pipeline. Owned by exactly one queue or thread at a time, so it needs no lock.
struct Pipeline::Job {
  FrameRequest request;
  Callback done;
  SteadyTime queued;  // when it entered the queue it is in
  RgbImage image;
  Detection detection;
  std::shared_ptr<Executor> executor;  // that ran it
  InspectionOutcome outcome;
};

std::unique_ptr<Pipeline> Pipeline::Create(const PipelineOptions& options, PipelineObserver& observer) {
  PipelineOptions checked = options;
  checked.max_frames_in_flight = std::max(1, options.max_frames_in_flight);
  checked.max_batch = std::max(1, options.max_batch);
  checked.decode_threads = std::max(1, options.decode_threads);
  checked.render_threads = std::max(1, options.render_threads);
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(checked, observer));
  pipeline->StartThreads();
  return pipeline;
}

Pipeline::Pipeline(const PipelineOptions& options, PipelineObserver& observer)
    : options_(options),
      observer_(observer),
      decode_queue_(static_cast<size_t>(options.max_frames_in_flight)),
      execute_queue_(static_cast<size_t>(options.max_batch) * 2),
      render_queue_(static_cast<size_t>(options.max_frames_in_flight)) {}

Pipeline::~Pipeline() { Shutdown(); }

void Pipeline::StartThreads() {
  MutexLock lock(shutdown_mu_);
  for (int i = 0; i < options_.decode_threads; ++i) decoders_.emplace_back([this] { DecodeLoop(); });
  runner_ = std::thread([this] { ExecuteLoop(); });
  for (int i = 0; i < options_.render_threads; ++i) renderers_.emplace_back([this] { RenderLoop(); });
}

void Pipeline::SetExecutor(std::shared_ptr<Executor> executor) {
  MutexLock lock(mu_);
  executor_.swap(executor);  // the old one, if any, is destroyed after the lock is gone
}

std::shared_ptr<Executor> Pipeline::executor() const {
  MutexLock lock(mu_);
  return executor_;
}

absl::Status Pipeline::Ready() const {
  MutexLock lock(mu_);
  if (draining_) return absl::UnavailableError("the server is draining; use another replica");
  if (executor_ == nullptr) return absl::UnavailableError("the model is not loaded yet");
  return absl::OkStatus();
}

absl::Status Pipeline::Submit(FrameRequest request, Callback done) {
  const absl::Status admitted = Admit(request);
  if (!admitted.ok()) {
    observer_.OnFrameFinished(admitted, FrameSeconds());
    return admitted;
  }
  auto job = std::make_unique<Job>();
  job->request = std::move(request);
  job->done = std::move(done);
  observer_.OnFramesInFlightChange(1);
  Forward(std::move(job), PipelineQueue::kDecode);
  return absl::OkStatus();
}

absl::Status Pipeline::Admit(const FrameRequest& request) {
  const absl::Status ready = Ready();
  if (!ready.ok()) return ready;
  const absl::Status valid = executor()->Validate(request.options.category, request.options.samples);
  if (!valid.ok()) return valid;
  const absl::Status alive = CheckAlive(request, Stage::kAdmission);
  if (!alive.ok()) return alive;
  return TakeSlot();
}

// Looks at `draining_` again under the lock that Shutdown() uses, so that no frame slips in behind its back.
absl::Status Pipeline::TakeSlot() {
  MutexLock lock(mu_);
  if (draining_) return absl::UnavailableError("the server is draining; use another replica");
  if (in_flight_ >= options_.max_frames_in_flight) {
    return absl::ResourceExhaustedError(
        absl::StrCat("the server is full: ", in_flight_,
                     " frames in flight, max_frames_in_flight = ", options_.max_frames_in_flight));
  }
  ++in_flight_;
  return absl::OkStatus();
}

void Pipeline::Drain() {
  MutexLock lock(mu_);
  draining_ = true;
}

void Pipeline::Shutdown() {
  Drain();
  {
    MutexLock lock(mu_);
    while (in_flight_ > 0) idle_.Wait(mu_);
  }
  decode_queue_.Close();
  execute_queue_.Close();
  render_queue_.Close();
  MutexLock lock(shutdown_mu_);
  for (std::thread& thread : decoders_) thread.join();
  if (runner_.joinable()) runner_.join();
  for (std::thread& thread : renderers_) thread.join();
  decoders_.clear();
  renderers_.clear();
}

Pipeline::Queue& Pipeline::queue(PipelineQueue which) {
  switch (which) {
    case PipelineQueue::kDecode:
      return decode_queue_;
    case PipelineQueue::kExecute:
      return execute_queue_;
    case PipelineQueue::kRender:
      break;
  }
  return render_queue_;
}

void Pipeline::Forward(JobPtr job, PipelineQueue to) {
  job->queued = std::chrono::steady_clock::now();
  observer_.OnQueueChange(to, 1);
  if (queue(to).Push(job)) return;
  // Queues close only after the last frame was answered, so this is out of reach; a frame is answered all the same.
  observer_.OnQueueChange(to, -1);
  Answer(std::move(job), absl::UnavailableError("the server is draining; use another replica"));
}

std::vector<Pipeline::JobPtr> Pipeline::Take(PipelineQueue from, size_t max_items) {
  std::vector<JobPtr> jobs = queue(from).PopUpTo(max_items);
  if (!jobs.empty()) observer_.OnQueueChange(from, -static_cast<int>(jobs.size()));
  for (const JobPtr& job : jobs) job->outcome.seconds.queue += SecondsSince(job->queued);
  return jobs;
}

bool Pipeline::DropIfDead(JobPtr& job, Stage reached) {
  absl::Status alive = CheckAlive(job->request, reached);
  if (alive.ok()) return false;
  Answer(std::move(job), std::move(alive));
  return true;
}

void Pipeline::DecodeLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = Take(PipelineQueue::kDecode, 1);
    if (jobs.empty()) return;
    if (!DropIfDead(jobs.front(), Stage::kDecode)) DecodeOne(std::move(jobs.front()));
  }
}

void Pipeline::DecodeOne(JobPtr job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  absl::StatusOr<RgbImage> image = Decode(job->request.image, options_.image_limits);
  job->outcome.seconds.decode = SecondsSince(start);
  if (!image.ok()) return Answer(std::move(job), image.status());
  job->image = *std::move(image);
  job->request.image = {};
  job->request.owner.reset();  // the encoded bytes are not needed any more
  job->outcome.frame_width = job->image.width;
  job->outcome.frame_height = job->image.height;
  Forward(std::move(job), PipelineQueue::kExecute);
}

void Pipeline::ExecuteLoop() {
  for (;;) {
    std::vector<JobPtr> taken = Take(PipelineQueue::kExecute, static_cast<size_t>(options_.max_batch));
    if (taken.empty()) return;
    std::vector<JobPtr> batch;
    for (JobPtr& job : taken) {
      if (!DropIfDead(job, Stage::kExecute)) batch.push_back(std::move(job));
    }
    if (!batch.empty()) ExecuteBatch(std::move(batch));
  }
}

void Pipeline::ExecuteBatch(std::vector<JobPtr> batch) {
  std::vector<bayespfl::Frame> frames;
  frames.reserve(batch.size());
  for (const JobPtr& job : batch) {
    const FrameOptions& options = job->request.options;
    frames.push_back({.image = &job->image,
                      .category = options.category,
                      .seed = options.seed,
                      .samples = options.samples,
                      .map_size = options.resolution,
                      .map_deviation = options.deviation_map != MapEncoding::kNone});
  }
  const std::shared_ptr<Executor> executor = this->executor();
  std::vector<absl::StatusOr<Detection>> results = executor->Execute(frames);
  results.resize(batch.size(), absl::InternalError("the model returned fewer results than frames"));
  for (size_t i = 0; i < batch.size(); ++i) {
    JobPtr& job = batch[i];
    job->image = {};
    job->executor = executor;
    if (!results[i].ok()) {
      Answer(std::move(job), results[i].status());
      continue;
    }
    job->detection = *std::move(results[i]);
    Forward(std::move(job), PipelineQueue::kRender);
  }
}

void Pipeline::RenderLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = Take(PipelineQueue::kRender, 1);
    if (jobs.empty()) return;
    if (!DropIfDead(jobs.front(), Stage::kRender)) RenderOne(std::move(jobs.front()));
  }
}

void Pipeline::RenderOne(JobPtr job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  const CategoryThresholds& thresholds = job->detection.thresholds;
  InspectionOutcome& outcome = job->outcome;
  absl::Status rendered = Render(job->detection, job->request.options, thresholds.mask, outcome);
  outcome.seconds.render = SecondsSince(start);
  if (!rendered.ok()) return Answer(std::move(job), std::move(rendered));
  outcome.seconds.model = job->detection.seconds;
  outcome.model_version = job->executor->info().version;
  outcome.calibrated = thresholds.calibrated;
  outcome.score_threshold = thresholds.score;
  if (DropIfDead(job, Stage::kReply)) return;
  outcome.seconds.total = SecondsSince(job->request.arrival);
  FrameResult result = std::move(outcome);
  Answer(std::move(job), std::move(result));
}

// The slot is given back before the callback runs, which may want it for the next frame at once; Shutdown() still waits
// for the callback, because it joins the thread that runs it.
void Pipeline::Answer(JobPtr job, FrameResult result) {
  observer_.OnFrameFinished(result.status(), result.ok() ? result->seconds : job->outcome.seconds);
  observer_.OnFramesInFlightChange(-1);
  {
    MutexLock lock(mu_);
    if (--in_flight_ == 0) idle_.NotifyAll();
  }
  const Callback done = std::move(job->done);
  job.reset();
  done(std::move(result));
}

}  // namespace bayespfl::server
