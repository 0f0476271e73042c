#include "server/api/call_registry.h"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

#include "absl/random/random.h"
#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/api/status.h"

namespace bayespfl::server {

namespace {

absl::Status StreamDraining() {
  return WithReason(absl::UnavailableError("draining, reopen the stream on another replica"), ErrorReason::kDraining);
}

}  // namespace

absl::Time DeadlineOf(const grpc::CallbackServerContext& context) { return absl::FromChrono(context.deadline()); }

CallRegistry::CallRegistry(CallOptions options, Pipeline& pipeline)
    : options_(std::move(options)), pipeline_(pipeline), unsent_(options_.max_unsent_bytes, options_.on_unsent_bytes) {}

void CallRegistry::CallStarted() {
  MutexLock lock(mu_);
  ++open_calls_;
}

void CallRegistry::CallEnded() {
  MutexLock lock(mu_);
  if (--open_calls_ == 0) idle_.NotifyAll();
}

CallRegistry::Open CallRegistry::open() {
  MutexLock lock(mu_);
  return {.streams = streams_.size(), .calls = open_calls_};
}

bool CallRegistry::WaitUntilIdle(std::chrono::steady_clock::time_point deadline) {
  MutexLock lock(mu_);
  while (open_calls_ > 0) {
    if (!idle_.WaitUntil(mu_, deadline)) return open_calls_ == 0;
  }
  return true;
}

void CallRegistry::CountCall(const CallRecord& call, const grpc::Status& status) const {
  if (options_.on_call_finished) options_.on_call_finished(call, status);
}

void CallRegistry::NoteMessage(const CallRecord& call, size_t bytes) const {
  if (options_.on_message) options_.on_message(call.peer, bytes);
}

void CallRegistry::CountRejectedFrame(const std::string& client, const absl::Status& status) const {
  if (options_.on_frame_rejected) options_.on_frame_rejected(client, status);
}

ReplyGone CallRegistry::RecordRequest(const RequestRecord& request) const {
  return options_.on_request_answered ? options_.on_request_answered(request) : ReplyGone();
}

std::shared_ptr<FrameTimeline> CallRegistry::NewTimeline() const {
  return options_.timelines ? std::make_shared<FrameTimeline>() : nullptr;
}

void CallRegistry::EndStreams() {
  std::vector<std::shared_ptr<OrderedStream>> open;
  {
    MutexLock lock(mu_);
    for (const auto& [key, opened] : streams_) {
      if (std::shared_ptr<OrderedStream> stream = opened.stream.lock()) open.push_back(std::move(stream));
    }
  }
  for (const std::shared_ptr<OrderedStream>& stream : open) stream->EndWith(StreamDraining());
}

StreamSurroundings CallRegistry::Surroundings(const std::shared_ptr<const CallRecord>& call, const CallClient& client,
                                              const grpc::ServerContextBase& context) {
  return {
      .pipeline = pipeline_,
      .unsent = unsent_,
      .call = call,
      .max_frames = static_cast<size_t>(std::max(1, options_.max_frames_per_stream)),
      .max_reply_bytes = options_.max_reply_bytes,
      .max_age = StreamAge(),
      .client = client,
      .on_frame_rejected = [this, name = client.name](const absl::Status& status) { CountRejectedFrame(name, status); },
      .on_request_answered = [this](const RequestRecord& request) { return RecordRequest(request); },
      .new_timeline = [this] { return NewTimeline(); },
      .on_message = [this, call](size_t bytes) { NoteMessage(*call, bytes); },
      .on_finishing = [this, id = *call->stream_id] { Unregister(id); },
      .cancelled = [&context] { return context.IsCancelled(); },  // gRPC deletes it after OnDone()
      .on_done =
          [this, call](const grpc::Status& status) {
            CountCall(*call, status);
            CallEnded();
          }};
}

// OK, or why the stream cannot be served. It counts as open in either case, until Unregister().
absl::Status CallRegistry::Register(uint64_t id, const std::string& client,
                                    const std::shared_ptr<OrderedStream>& stream) {
  absl::Status ready = pipeline_.Accepting();
  if (options_.on_streams_change) options_.on_streams_change(1);
  MutexLock lock(mu_);
  const size_t open = streams_.size();
  OpenedStream& opened = streams_[id];
  opened.stream = stream;
  // Under the lock of EndStreams(): it sees this stream, or this sees that the server drains.
  if (!pipeline_.state().Accepting().ok()) return StreamDraining();
  if (!ready.ok()) return ready;
  if (open >= static_cast<size_t>(std::max(1, options_.max_streams))) {
    return StreamsFull(absl::ResourceExhaustedError(
        absl::StrCat("the server is full: ", open, " streams are open, max_streams = ", options_.max_streams)));
  }
  if (!options_.open_stream) return ready;
  absl::StatusOr<ClientLimits::StreamLease> lease = options_.open_stream(client);
  if (!lease.ok()) return StreamsFull(lease.status());
  opened.lease = *std::move(lease);
  return ready;
}

absl::Status CallRegistry::StreamsFull(const absl::Status& status) const {
  return WithRetryDelay(WithReason(status, ErrorReason::kStreamsFull), pipeline_);
}

CallClient CallRegistry::ClientOf(const grpc::ServerContextBase& context) const {
  return options_.client_of ? options_.client_of(context) : CallClient();
}

// A client that ends a stream and opens the next one at once must find the place free.
void CallRegistry::Unregister(uint64_t id) {
  {
    MutexLock lock(mu_);
    streams_.erase(id);
  }
  if (options_.on_streams_change) options_.on_streams_change(-1);
}

// max_stream_age give or take a tenth, so that streams that began together do not end together.
std::optional<absl::Duration> CallRegistry::StreamAge() const {
  if (options_.max_stream_age <= absl::ZeroDuration()) return std::nullopt;
  absl::BitGen generator;
  return options_.max_stream_age * absl::Uniform(generator, 0.9, 1.1);
}

}  // namespace bayespfl::server
