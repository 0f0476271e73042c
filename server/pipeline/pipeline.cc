#include "server/pipeline/pipeline.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "server/pipeline/refusal.h"
#include "server/pipeline/render.h"

namespace bayespfl::server {
namespace {

double SecondsSince(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

absl::Status Expired(SteadyTime arrival, Stage reached) {
  return absl::DeadlineExceededError(
      absl::StrFormat("the deadline passed (%.3f s after the frame's arrival); the frame had reached the stage %s",
                      SecondsSince(arrival), StageName(reached)));
}

absl::Status Left(Stage reached) {
  return absl::CancelledError(absl::StrCat("the client left; the frame had reached the stage ", StageName(reached)));
}

bool IsCancelled(const FrameRequest& request) {
  return request.cancellation != nullptr && request.cancellation->cancelled();
}

// Deadlines come by the wall clock; waiting goes by the steady one.
SteadyTime ToSteady(absl::Time deadline) {
  if (deadline == absl::InfiniteFuture()) return SteadyTime::max();
  constexpr absl::Duration kLongest = absl::Hours(24 * 365);
  const absl::Duration left = std::clamp(deadline - absl::Now(), -kLongest, kLongest);
  return std::chrono::steady_clock::now() + absl::ToChronoNanoseconds(left);
}

// By arrival and priority; a deadline that comes sooner moves a frame up, but never before its arrival.
SteadyTime RankOf(SteadyTime arrival, Priority priority, SteadyTime deadline) {
  return std::max(arrival, std::min<SteadyTime>(arrival + PriorityDelay(priority), deadline));
}

int64_t BytesOf(const ImageSource& source) {
  if (const auto* raw = std::get_if<RawImage>(&source.pixels)) return static_cast<int64_t>(raw->data.size());
  return static_cast<int64_t>(std::get<EncodedImage>(source.pixels).data.size());
}

// What a stage is called while frames wait for it.
Stage StageAfter(PipelineQueue queue) {
  switch (queue) {
    case PipelineQueue::kDecode:
      return Stage::kDecode;
    case PipelineQueue::kExecute:
      return Stage::kExecute;
    case PipelineQueue::kRender:
      break;
  }
  return Stage::kRender;
}

constexpr std::array<PipelineQueue, 3> kQueues = {PipelineQueue::kDecode, PipelineQueue::kExecute,
                                                  PipelineQueue::kRender};

// The device failed as a whole, as opposed to single frames.
bool DeviceFailed(const std::vector<absl::StatusOr<Detection>>& results) {
  return std::all_of(results.begin(), results.end(),
                     [](const auto& result) { return absl::IsInternal(result.status()); });
}

absl::Status NoReplica(const std::string& model) {
  return absl::InternalError(
      absl::StrCat("every replica of the model \"", model, "\" failed and could not be rebuilt"));
}

absl::Status NotLoaded() { return absl::UnavailableError("the model is not loaded yet"); }

absl::Status Draining() { return absl::UnavailableError("the server is draining; use another replica"); }

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

// A frame inside the pipeline. Owned by exactly one line or thread at a time, so it needs no lock.
struct Pipeline::Job {
  FrameId id = 0;
  FrameRequest request;
  int64_t bytes = 0;    // of the picture as it came
  SteadyTime deadline;  // of request.deadline
  SteadyTime rank;
  Callback done;
  SteadyTime queued;  // when it entered the line it is in
  RgbImage image;
  int failures = 0;  // of devices
  Detection detection;
  std::shared_ptr<ServedModel> model;  // that admitted it
  InspectionOutcome outcome;
};

std::unique_ptr<Pipeline> Pipeline::Create(const PipelineOptions& options, PipelineObserver& observer) {
  PipelineOptions checked = options;
  checked.max_frames_in_flight = std::max(1, options.max_frames_in_flight);
  checked.max_bytes_in_flight = std::max<int64_t>(1, options.max_bytes_in_flight);
  checked.max_decoded_bytes = std::max<int64_t>(1, options.max_decoded_bytes);
  checked.max_batch = std::max(1, options.max_batch);
  checked.replicas = std::max(1, options.replicas);
  checked.decode_threads = std::max(1, options.decode_threads);
  checked.render_threads = std::max(1, options.render_threads);
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(checked, observer));
  pipeline->StartThreads();
  return pipeline;
}

Pipeline::Pipeline(const PipelineOptions& options, PipelineObserver& observer)
    : options_(options),
      observer_(observer),
      decode_line_(static_cast<size_t>(options.max_frames_in_flight), SIZE_MAX),
      execute_line_(static_cast<size_t>(options.max_batch) * static_cast<size_t>(options.replicas) * 2,
                    static_cast<size_t>(options.max_decoded_bytes)),
      render_line_(static_cast<size_t>(options.max_frames_in_flight), SIZE_MAX) {}

Pipeline::~Pipeline() { Shutdown(); }

void Pipeline::StartThreads() {
  MutexLock lock(shutdown_mu_);
  for (int i = 0; i < options_.decode_threads; ++i) threads_.emplace_back([this] { DecodeLoop(); });
  for (size_t i = 0; i < static_cast<size_t>(options_.replicas); ++i) {
    threads_.emplace_back([this, i] { ExecuteLoop(i); });
  }
  for (int i = 0; i < options_.render_threads; ++i) threads_.emplace_back([this] { RenderLoop(); });
  threads_.emplace_back([this] { ExpiryLoop(); });
}

void Pipeline::SetModels(ModelSet models) {
  MutexLock lock(mu_);
  std::swap(models_, models);  // the old ones, if nobody else has them, are destroyed after the lock is gone
}

std::shared_ptr<const ServedModel> Pipeline::model(absl::string_view name) const {
  MutexLock lock(mu_);
  const auto found = models_.models.find(name.empty() ? models_.default_model : name);
  return found == models_.models.end() ? nullptr : found->second;
}

absl::Status Pipeline::Healthy() const {
  MutexLock lock(mu_);
  for (const auto& [name, model] : models_.models) {
    if (!model->Works()) return NoReplica(name);
  }
  return absl::OkStatus();
}

absl::Status Pipeline::Ready() const {
  const absl::Status healthy = Healthy();
  if (!healthy.ok()) return healthy;
  MutexLock lock(mu_);
  if (draining_) return Draining();
  if (models_.models.empty()) return NotLoaded();
  return absl::OkStatus();
}

// A model that lost its replicas refuses its own frames; the others go on until somebody restarts the process.
absl::StatusOr<std::shared_ptr<ServedModel>> Pipeline::FindModel(absl::string_view name) const {
  MutexLock lock(mu_);
  if (draining_) return WithRefusal(Draining(), Refusal::kDraining);
  if (models_.models.empty()) return WithRefusal(NotLoaded(), Refusal::kNotReady);
  const auto found = models_.models.find(name.empty() ? models_.default_model : name);
  if (found == models_.models.end()) {
    const auto names = [](std::string* out, const auto& entry) { out->append(entry.first); };
    return WithRefusal(absl::NotFoundError(absl::StrCat("no model of that name is loaded; there are: ",
                                                        absl::StrJoin(models_.models, ", ", names))),
                       Refusal::kUnknownModel);
  }
  if (!found->second->Works()) return WithRefusal(NoReplica(found->first), Refusal::kNoReplica);
  return found->second;
}

absl::Status Pipeline::Submit(FrameRequest request, Callback done, FrameId* id) {
  const int64_t bytes = BytesOf(request.image);
  absl::StatusOr<std::shared_ptr<ServedModel>> model = FindModel(request.options.model);
  const absl::Status admitted = model.ok() ? Admit(request, **model, bytes) : model.status();
  if (!admitted.ok()) {
    observer_.OnFrameFailed(admitted);
    return admitted;
  }
  auto job = std::make_unique<Job>();
  job->model = *std::move(model);
  job->deadline = ToSteady(request.deadline);
  job->rank = RankOf(request.arrival, request.options.priority, job->deadline);
  job->request = std::move(request);
  job->bytes = bytes;
  job->done = std::move(done);
  {
    MutexLock lock(mu_);
    job->id = next_id_++;
  }
  if (id != nullptr) *id = job->id;
  observer_.OnFramesInFlightChange(1);
  Forward(std::move(job), PipelineQueue::kDecode);
  return absl::OkStatus();
}

absl::Status Pipeline::Admit(const FrameRequest& request, const ServedModel& model, int64_t bytes) {
  const absl::Status admitted = options_.admit ? options_.admit(request.client) : absl::OkStatus();
  if (!admitted.ok()) return WithRefusal(admitted, Refusal::kClientLimit);
  const absl::Status valid = model.Validate(request.options.category, request.options.samples);
  if (!valid.ok()) return WithRefusal(valid, Refusal::kInvalid);
  if (absl::Now() >= request.deadline) {
    return WithRefusal(Expired(request.arrival, Stage::kAdmission), Refusal::kExpired);
  }
  if (IsCancelled(request)) return WithRefusal(Left(Stage::kAdmission), Refusal::kCancelled);
  return TakeSlot(request.options.priority, bytes);
}

// Looks at `draining_` again under the lock that Shutdown() uses, so that no frame slips in behind its back.
absl::Status Pipeline::TakeSlot(Priority priority, int64_t bytes) {
  // The last quarter is kept from those who can best come again: rounded up, so that there is always a slot.
  const auto share = [priority](int64_t limit) { return priority == Priority::kLow ? limit - limit / 4 : limit; };
  MutexLock lock(mu_);
  if (draining_) return WithRefusal(Draining(), Refusal::kDraining);
  const auto refuse = [priority](Refusal refusal, auto... what) {
    return WithRefusal(
        absl::ResourceExhaustedError(absl::StrCat("the server is full: ", what...,
                                                  priority == Priority::kLow ? " (low priority: three quarters)" : "")),
        refusal);
  };
  if (in_flight_ >= share(options_.max_frames_in_flight)) {
    return refuse(Refusal::kQueueFull, in_flight_,
                  " frames in flight, max_frames_in_flight = ", options_.max_frames_in_flight);
  }
  if (in_flight_ > 0 && bytes_in_flight_ + bytes > share(options_.max_bytes_in_flight)) {
    return refuse(Refusal::kBytesFull, bytes_in_flight_,
                  " bytes of pictures in flight, max_bytes_in_flight = ", options_.max_bytes_in_flight);
  }
  ++in_flight_;
  bytes_in_flight_ += bytes;
  return absl::OkStatus();
}

std::chrono::nanoseconds Pipeline::RetryDelay() const {
  MutexLock lock(mu_);
  const std::chrono::duration<double> half(seconds_per_frame_ * in_flight_ / (2.0 * options_.replicas));
  return std::chrono::duration_cast<std::chrono::nanoseconds>(half);
}

void Pipeline::NoteBatch(size_t frames, double seconds) {
  constexpr double kWeight = 0.2;  // of the newest batch
  const double now = seconds / static_cast<double>(frames);
  MutexLock lock(mu_);
  seconds_per_frame_ = seconds_per_frame_ == 0 ? now : (1 - kWeight) * seconds_per_frame_ + kWeight * now;
}

bool Pipeline::Skip(FrameId id, const absl::Status& status) {
  for (const PipelineQueue queue : kQueues) {
    std::optional<JobPtr> job = line(queue).Remove(id);
    if (!job.has_value()) continue;
    observer_.OnQueueChange(queue, -1);
    Answer(*std::move(job), status);
    return true;
  }
  return false;
}

void Pipeline::Cancel(CancellationToken& token) {
  token.Cancel();
  AnswerWaiting(
      [&token](const Place& /*place*/, const JobPtr& job) { return job->request.cancellation.get() == &token; });
}

// Answers the frames for which `leaves` is true: cancelled or expired ones.
template <typename Predicate>
void Pipeline::AnswerWaiting(Predicate leaves) {
  for (const PipelineQueue queue : kQueues) {
    std::vector<JobPtr> jobs = line(queue).RemoveIf(leaves);
    if (jobs.empty()) continue;
    observer_.OnQueueChange(queue, -static_cast<int>(jobs.size()));
    for (JobPtr& job : jobs) DropIfDead(job, StageAfter(queue));
  }
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
  for (const PipelineQueue queue : kQueues) line(queue).Close();
  {
    MutexLock lock(expiry_mu_);
    expiry_stopped_ = true;
    expiry_changed_.NotifyAll();
  }
  MutexLock lock(shutdown_mu_);
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

Pipeline::Line& Pipeline::line(PipelineQueue which) {
  switch (which) {
    case PipelineQueue::kDecode:
      return decode_line_;
    case PipelineQueue::kExecute:
      return execute_line_;
    case PipelineQueue::kRender:
      break;
  }
  return render_line_;
}

void Pipeline::Forward(JobPtr job, PipelineQueue to) {
  job->queued = std::chrono::steady_clock::now();
  const FrameId id = job->id;
  const SteadyTime deadline = job->deadline;
  const std::shared_ptr<const CancellationToken> cancellation = job->request.cancellation;
  const Place place{.id = id,
                    .rank = job->rank,
                    .deadline = deadline,
                    .bytes = job->image.pixels.size(),
                    .group = to == PipelineQueue::kExecute ? job->model.get() : nullptr};
  observer_.OnQueueChange(to, 1);
  // A frame that came back from a failed device was inside already and needs no room.
  if (!(job->failures > 0 ? line(to).PushBack(place, job) : line(to).Push(place, job))) {
    // Lines close only after the last frame was answered, so this is out of reach; a frame is answered all the same.
    observer_.OnQueueChange(to, -1);
    return Answer(std::move(job), Draining());
  }
  WatchDeadline(deadline);
  // Cancelled between the last look and now: Cancel() may have come too early to find it here.
  if (cancellation != nullptr && cancellation->cancelled()) Skip(id, Left(StageAfter(to)));
}

std::vector<Pipeline::JobPtr> Pipeline::Take(PipelineQueue from) {
  std::vector<JobPtr> jobs = line(from).Take(1, std::chrono::nanoseconds(0));
  NoteTaken(from, jobs);
  return jobs;
}

// A batch of one model that this replica can serve, or that none can: then somebody must answer.
std::vector<Pipeline::JobPtr> Pipeline::TakeBatch(size_t replica) {
  const auto accepts = [replica](const void* group) {
    const auto& model = *static_cast<const ServedModel*>(group);
    return model.Works(replica) || !model.Works();
  };
  std::vector<JobPtr> jobs = execute_line_.Take(static_cast<size_t>(options_.max_batch), options_.max_delay, accepts);
  NoteTaken(PipelineQueue::kExecute, jobs);
  return jobs;
}

void Pipeline::NoteTaken(PipelineQueue from, const std::vector<JobPtr>& jobs) {
  if (!jobs.empty()) observer_.OnQueueChange(from, -static_cast<int>(jobs.size()));
  for (const JobPtr& job : jobs) {
    const double waited = SecondsSince(job->queued);
    job->outcome.seconds.queue += waited;
    observer_.OnQueueWait(from, waited);
  }
}

// DeadlineExceeded before Cancelled: gRPC cancels a call whose deadline passed, and the deadline is the reason then.
bool Pipeline::DropIfDead(JobPtr& job, Stage reached) {
  if (std::chrono::steady_clock::now() >= job->deadline) {
    const SteadyTime arrival = job->request.arrival;
    Answer(std::move(job), Expired(arrival, reached));
    return true;
  }
  if (!IsCancelled(job->request)) return false;
  Answer(std::move(job), Left(reached));
  return true;
}

void Pipeline::WatchDeadline(SteadyTime deadline) {
  MutexLock lock(expiry_mu_);
  if (deadline >= next_expiry_) return;
  next_expiry_ = deadline;
  expiry_changed_.NotifyAll();
}

// Answers frames whose deadline passes while they wait, at that moment and not when a stage gets to them.
void Pipeline::ExpiryLoop() {
  for (;;) {
    {
      MutexLock lock(expiry_mu_);
      // Deadlines of frames that enter a line after this look are reported by WatchDeadline().
      next_expiry_ = SteadyTime::max();
      for (const PipelineQueue queue : kQueues) next_expiry_ = std::min(next_expiry_, line(queue).NextDeadline());
      while (!expiry_stopped_ && std::chrono::steady_clock::now() < next_expiry_) {
        if (next_expiry_ == SteadyTime::max()) {
          expiry_changed_.Wait(expiry_mu_);
        } else {
          expiry_changed_.WaitUntil(expiry_mu_, next_expiry_);
        }
      }
      if (expiry_stopped_) return;
    }
    const SteadyTime now = std::chrono::steady_clock::now();
    AnswerWaiting([now](const Place& place, const JobPtr& /*job*/) { return place.deadline <= now; });
  }
}

void Pipeline::DecodeLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = Take(PipelineQueue::kDecode);
    if (jobs.empty()) return;
    if (!DropIfDead(jobs.front(), Stage::kDecode)) DecodeOne(std::move(jobs.front()));
  }
}

void Pipeline::DecodeOne(JobPtr job) {
  const SteadyTime start = std::chrono::steady_clock::now();
  absl::StatusOr<RgbImage> image = Decode(job->request.image);
  job->outcome.seconds.decode = SecondsSince(start);
  if (!image.ok()) return Answer(std::move(job), image.status());
  job->image = *std::move(image);
  job->request.image = {};
  job->request.owner.reset();  // the encoded bytes are not needed any more
  job->outcome.frame_width = job->image.width;
  job->outcome.frame_height = job->image.height;
  Forward(std::move(job), PipelineQueue::kExecute);
}

absl::StatusOr<RgbImage> Pipeline::Decode(const ImageSource& source) const {
  if (options_.faults != nullptr) {
    const absl::Status fault = options_.faults->Check(Fault::kDecodeError);
    if (!fault.ok()) return fault;
  }
  if (const auto* raw = std::get_if<RawImage>(&source.pixels)) {
    return ConvertRawImage(*raw, options_.image_limits, source.significant_bits);
  }
  return DecodeImage(std::get<EncodedImage>(source.pixels).data, options_.image_limits, source.significant_bits);
}

void Pipeline::ExecuteLoop(size_t replica) {
  for (;;) {
    std::vector<JobPtr> taken = TakeBatch(replica);
    if (taken.empty()) return;
    std::vector<JobPtr> batch;
    for (JobPtr& job : taken) {
      if (!DropIfDead(job, Stage::kExecute)) batch.push_back(std::move(job));
    }
    if (!batch.empty()) ExecuteBatch(replica, std::move(batch));
  }
}

void Pipeline::ExecuteBatch(size_t replica, std::vector<JobPtr> batch) {
  const std::shared_ptr<ServedModel> model = batch.front()->model;
  if (!model->Works(replica)) {
    for (JobPtr& job : batch) Answer(std::move(job), NoReplica(model->name()));
    return;
  }
  std::vector<bayespfl::Frame> frames;
  frames.reserve(batch.size());
  for (const JobPtr& job : batch) frames.push_back(ModelFrame(*job));
  observer_.OnBatch(static_cast<int>(batch.size()));
  const SteadyTime start = std::chrono::steady_clock::now();
  std::vector<absl::StatusOr<Detection>> results = RunModel(model->replica(replica), frames);
  NoteBatch(batch.size(), SecondsSince(start));
  results.resize(batch.size(), absl::InternalError("the model returned fewer results than frames"));
  if (DeviceFailed(results)) return Recover(replica, *model, std::move(batch), results.front().status());
  for (size_t i = 0; i < batch.size(); ++i) {
    JobPtr& job = batch[i];
    job->image = {};
    if (!results[i].ok()) {
      Answer(std::move(job), results[i].status());
      continue;
    }
    job->detection = *std::move(results[i]);
    job->failures = 0;
    Forward(std::move(job), PipelineQueue::kRender);
  }
}

bayespfl::Frame Pipeline::ModelFrame(const Job& job) {
  const FrameOptions& options = job.request.options;
  return {.image = &job.image,
          .category = options.category,
          .seed = options.seed,
          .samples = options.samples,
          .map_size = options.resolution,
          .map_deviation = options.deviation_map != MapEncoding::kNone};
}

std::vector<absl::StatusOr<Detection>> Pipeline::RunModel(Executor& executor,
                                                          absl::Span<const bayespfl::Frame> frames) const {
  if (options_.faults != nullptr) {
    std::this_thread::sleep_for(options_.faults->Delay());
    const absl::Status fault = options_.faults->Check(Fault::kDeviceError);
    if (!fault.ok()) return std::vector<absl::StatusOr<Detection>>(frames.size(), fault);
  }
  return executor.Execute(frames);
}

// The frames go back before the replica is rebuilt, so that another one can take them meanwhile.
void Pipeline::Recover(size_t replica, ServedModel& model, std::vector<JobPtr> batch, const absl::Status& failure) {
  for (JobPtr& job : batch) {
    if (++job->failures > 1) {
      Answer(std::move(job), failure);
    } else {
      Forward(std::move(job), PipelineQueue::kExecute);
    }
  }
  const absl::Status rebuilt = model.replica(replica).Rebuild();
  observer_.OnReplicaFailure(static_cast<int>(replica), rebuilt.ok());
  if (rebuilt.ok()) return;
  model.Lose(replica);
  execute_line_.Wake();  // if it was the last, whoever is free answers its frames
}

void Pipeline::RenderLoop() {
  for (;;) {
    std::vector<JobPtr> jobs = Take(PipelineQueue::kRender);
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
  outcome.model = job->model->name();
  outcome.model_version = job->model->info().version;
  outcome.calibrated = thresholds.calibrated;
  outcome.score_threshold = thresholds.score;
  if (DropIfDead(job, Stage::kReply)) return;
  outcome.seconds.total = SecondsSince(job->request.arrival);
  FrameResult result = std::move(outcome);
  Answer(std::move(job), std::move(result));
}

// The slot is given back before the callback runs, which may want it for the next frame at once. Shutdown() still waits
// for the callback where a thread of the pipeline runs it; in Submit(), Skip() and Cancel() the caller's own does.
void Pipeline::Answer(JobPtr job, FrameResult result) {
  if (result.ok()) {
    observer_.OnFrameAnswered(*result);
  } else {
    observer_.OnFrameFailed(result.status());
  }
  observer_.OnFramesInFlightChange(-1);
  {
    MutexLock lock(mu_);
    bytes_in_flight_ -= job->bytes;
    if (--in_flight_ == 0) idle_.NotifyAll();
  }
  const Callback done = std::move(job->done);
  job.reset();
  done(std::move(result));
}

}  // namespace bayespfl::server
