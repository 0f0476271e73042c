#include "server/pipeline/pipeline.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

PipelineOptions AtLeastTheMinimums(PipelineOptions options) {
  options.max_frames_in_flight = std::max(1, options.max_frames_in_flight);
  options.max_frames_in_flight_per_client = std::max(0, options.max_frames_in_flight_per_client);
  options.max_bytes_in_flight_per_client = std::max<int64_t>(0, options.max_bytes_in_flight_per_client);
  options.max_frames_waiting = std::max(0, options.max_frames_waiting);
  options.max_bytes_in_flight = std::max<int64_t>(1, options.max_bytes_in_flight);
  options.max_decoded_bytes = std::max<int64_t>(1, options.max_decoded_bytes);
  options.max_working_bytes = std::max<int64_t>(1, options.max_working_bytes);
  options.max_batch = std::max(1, options.max_batch);
  options.replicas = std::max(1, options.replicas);
  options.max_batch_time = std::max(std::chrono::milliseconds(0), options.max_batch_time);
  options.decode_threads = std::max(1, options.decode_threads);
  options.render_threads = std::max(1, options.render_threads);
  if (options.state == nullptr) options.state = std::make_shared<ServerState>();
  return options;
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

}  // namespace

std::unique_ptr<Pipeline> Pipeline::Create(const PipelineOptions& options, PipelineObserver& observer) {
  auto pipeline = std::unique_ptr<Pipeline>(new Pipeline(AtLeastTheMinimums(options), observer));
  pipeline->stages_.Start();
  return pipeline;
}

Pipeline::Pipeline(const PipelineOptions& options, PipelineObserver& observer)
    : options_(options),
      observer_(observer),
      hung_(static_cast<size_t>(options_.replicas)),
      slots_(options_),
      admission_(options_, slots_, hung_),
      flow_(options_, observer_, slots_, hung_),
      stages_(options_, observer_, admission_, flow_, hung_) {}

Pipeline::~Pipeline() { Shutdown(); }

absl::Status Pipeline::Submit(FrameRequest request, Callback done, FrameId* id) {
  JobPtr job = NewJob(std::move(request), std::move(done));
  absl::Status status = Admit(*job);
  if (status.ok()) status = admission_.AdmitClient(job->request.client, 1);
  if (status.ok()) {
    if (id != nullptr) *id = job->id;
    status = flow_.Enter(job);
  }
  if (!status.ok()) NoteRefused(*job, status);
  return status;
}

absl::Status Pipeline::SubmitTogether(std::vector<FrameRequest> requests, const TogetherCallback& done,
                                      std::optional<size_t>* at_fault) {
  std::vector<JobPtr> jobs;
  for (FrameRequest& request : requests) {
    jobs.push_back(NewJob(std::move(request),
                          [done, index = jobs.size()](FrameResult result) { done(index, std::move(result)); }));
  }
  absl::Status status;
  for (size_t i = 0; i < jobs.size() && status.ok(); ++i) {
    status = Admit(*jobs[i]);
    if (!status.ok() && at_fault != nullptr) *at_fault = i;
  }
  if (status.ok()) status = admission_.AdmitClient(jobs.front()->request.client, jobs.size());
  if (status.ok()) status = flow_.EnterTogether(jobs);
  if (status.ok()) return status;
  for (const JobPtr& job : jobs) NoteRefused(*job, status);
  return status;
}

JobPtr Pipeline::NewJob(FrameRequest request, Callback done) {
  auto job = std::make_unique<Job>();
  job->id = next_id_.fetch_add(1);
  job->request = std::move(request);
  job->done = std::move(done);
  return job;
}

// Everything that is known of a frame before it takes a slot; or why it may take none, whatever room there is. Of a
// frame that is refused the model is there if it is known.
absl::Status Pipeline::Admit(Job& job) const {
  FrameRequest& request = job.request;
  absl::StatusOr<std::shared_ptr<ServedModel>> model = admission_.ModelOf(request);
  if (!model.ok()) return model.status();
  job.model = *std::move(model);
  if (request.timeline != nullptr) request.timeline->model = job.model->name();
  const absl::Status admitted = admission_.Check(request, *job.model);
  if (!admitted.ok()) return admitted;
  job.setting = job.model->Resolve(request.options.category);
  job.deadline = ToSteady(request.deadline);
  job.rank = RankOf(request.arrival, request.options.priority, job.deadline);
  job.bytes = BytesOf(request.image);
  return absl::OkStatus();
}

void Pipeline::NoteRefused(const Job& job, const absl::Status& status) {
  NoteAnswer(job.request.timeline, status);
  observer_.OnFrameFailed(job.model.get(), job.request.client, status);
}

void Pipeline::Cancel(CancellationToken& token) {
  token.Cancel();
  flow_.DropCancelled(token);
}

void Pipeline::Shutdown() {
  Drain();
  slots_.WaitUntilEmpty();
  flow_.Close();
  stages_.Join();
}

}  // namespace bayespfl::server
