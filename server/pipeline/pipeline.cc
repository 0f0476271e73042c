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

absl::Status Pipeline::AdmitClient(const std::string& client, size_t frames) {
  absl::Status admitted = admission_.AdmitClient(client, frames);
  if (!admitted.ok()) observer_.OnFrameFailed(/*model=*/nullptr, client, admitted);
  return admitted;
}

absl::Status Pipeline::Submit(FrameRequest request, Callback done, FrameId* id) {
  absl::StatusOr<std::shared_ptr<ServedModel>> model = admission_.ModelOf(request);
  const absl::Status admitted = model.ok() ? admission_.Check(request, **model) : model.status();
  if (request.timeline != nullptr && model.ok()) request.timeline->model = (*model)->name();
  if (!admitted.ok()) {
    NoteAnswer(request.timeline, admitted);
    observer_.OnFrameFailed(model.ok() ? model->get() : nullptr, request.client, admitted);
    return admitted;
  }
  auto job = std::make_unique<Job>();
  job->id = next_id_.fetch_add(1);
  job->model = *std::move(model);
  job->setting = job->model->Resolve(request.options.category);
  job->deadline = ToSteady(request.deadline);
  job->rank = RankOf(request.arrival, request.options.priority, job->deadline);
  job->bytes = BytesOf(request.image);
  job->request = std::move(request);
  job->done = std::move(done);
  if (id != nullptr) *id = job->id;
  absl::Status entered = flow_.Enter(job);
  if (!entered.ok()) {
    NoteAnswer(job->request.timeline, entered);
    observer_.OnFrameFailed(job->model.get(), job->request.client, entered);
  }
  return entered;
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
