#include "server/api/inspection_stream.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "server/api/status.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

namespace v1 = inspection::v1;

// Under FLOW_POLICY_LATEST a client that does not take its replies would pile up skipped ones without end.
constexpr size_t kMaxUnsentReplies = 1024;

}  // namespace

InspectionStream::InspectionStream(StreamSurroundings surroundings, absl::Time deadline)
    : surroundings_(std::move(surroundings)), deadline_(deadline) {}

void InspectionStream::Start(const absl::Status& refusal) {
  self_ = shared_from_this();
  if (!refusal.ok()) return EndWith(refusal);
  StartTimer();
  Advance();
}

void InspectionStream::StartTimer() {
  if (!surroundings_.max_age.has_value()) return;
  age_.Set(absl::ToChronoTime(absl::Now() + *surroundings_.max_age), [self = shared_from_this()](bool rang) {
    if (!rang) return;  // cancelled in OnDone()
    self->EndWith(WithErrorInfo(absl::UnavailableError("the stream has reached max_stream_age; open a new one"),
                                "MAX_STREAM_AGE"));
  });
}

void InspectionStream::EndWith(const absl::Status& status) {
  SetEnding(status);
  Advance();
}

void InspectionStream::OnReadDone(bool ok) {
  {
    MutexLock lock(mu_);
    reading_ = false;
    handling_ = ok;
  }
  if (ok) {
    OnMessage();
    MutexLock lock(mu_);
    handling_ = false;
  } else {
    SetEnding(absl::OkStatus());  // half close; after a cancellation OnCancel() has the word
  }
  Advance();
}

void InspectionStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(mu_);
    writing_ = false;
    outgoing_.Clear();
  }
  if (!ok) Abandon();
  Advance();
}

void InspectionStream::OnCancel() {
  Abandon();
  Advance();
}

void InspectionStream::OnDone() {
  age_.Cancel();
  grpc::Status status;
  {
    MutexLock lock(mu_);
    status = ToGrpcStatus(*ending_);
  }
  const std::shared_ptr<InspectionStream> last = std::move(self_);
  surroundings_.on_done(status);
}

// The client is gone: nobody waits for the replies, the frames need not run.
void InspectionStream::Abandon() {
  {
    MutexLock lock(mu_);
    abandoned_ = true;
    if (!finished_) {
      ending_ = absl::Now() >= deadline_ ? absl::DeadlineExceededError("the stream's deadline passed")
                                         : absl::CancelledError("the client left");
    }
  }
  surroundings_.pipeline.Cancel(*cancellation_);
}

// The first reason stands. No message is read after it.
void InspectionStream::SetEnding(const absl::Status& status) {
  MutexLock lock(mu_);
  if (!ending_.has_value()) ending_ = status;
}

void InspectionStream::OnMessage() {
  arrival_ = std::chrono::steady_clock::now();
  auto message = std::make_shared<v1::InspectStreamRequest>();
  const absl::Status parsed = ParseMessage(incoming_, *message);
  if (parsed.ok() && message->has_configuration()) return OnConfiguration(message->configuration());
  if (!defaults_.has_value()) {
    return SetEnding(parsed.ok() ? absl::InvalidArgumentError("the stream's first message is not its configuration")
                                 : parsed);
  }
  const std::optional<uint64_t> sequence = AddSlot();
  if (!sequence.has_value()) return;
  const ReceivedFrame nameless{.metadata = {}, .category = {}, .arrival = arrival_};
  if (!parsed.ok()) return RejectFrame(*sequence, nameless, parsed);
  if (!message->has_frame()) {
    return RejectFrame(*sequence, nameless,
                       absl::InvalidArgumentError("the message holds neither a frame nor a configuration"));
  }
  OnFrame(*sequence, std::move(message));
}

void InspectionStream::OnConfiguration(const v1::StreamConfiguration& configuration) {
  if (defaults_.has_value()) {
    return SetEnding(absl::InvalidArgumentError("a stream takes one configuration; this is the second"));
  }
  absl::StatusOr<StreamDefaults> defaults = DefaultsFromProto(configuration);
  if (!defaults.ok()) return SetEnding(defaults.status());
  const std::shared_ptr<Executor> executor = surroundings_.pipeline.executor();
  if (executor != nullptr && !defaults->options.category.empty()) {
    const absl::Status valid = executor->Validate(defaults->options.category, defaults->options.samples);
    if (!valid.ok()) return SetEnding(valid);
  }
  defaults_ = *std::move(defaults);
  MutexLock lock(mu_);
  latest_ = defaults_->latest;
}

void InspectionStream::OnFrame(uint64_t sequence, std::shared_ptr<v1::InspectStreamRequest> message) {
  absl::StatusOr<FrameRequest> request = FrameFromProto(message->frame(), *defaults_);
  ReceivedFrame frame{
      .metadata = std::move(*message->mutable_frame()->mutable_metadata()), .category = {}, .arrival = arrival_};
  if (!request.ok()) return RejectFrame(sequence, std::move(frame), request.status());
  frame.category = request->options.category;
  request->arrival = arrival_;
  request->owner = std::move(message);
  request->deadline = std::min(request->deadline, deadline_);
  request->cancellation = cancellation_;
  if (defaults_->latest) MakeRoom(sequence);
  FrameId id = 0;
  const absl::Status accepted = surroundings_.pipeline.Submit(
      *std::move(request),
      [self = shared_from_this(), sequence, frame](FrameResult result) {
        self->Reply(sequence, frame, std::move(result));
        self->Advance();
      },
      &id);
  if (!accepted.ok()) {
    const bool full = absl::IsResourceExhausted(accepted);
    return Reply(sequence, frame, full ? WithRetryInfo(accepted, RetryDelay(surroundings_.pipeline)) : accepted);
  }
  MutexLock lock(mu_);
  // It may have been answered, and its slot sent, by now.
  if (sequence >= first_sequence_) slots_[sequence - first_sequence_].id = id;
}

// FLOW_POLICY_LATEST: the oldest frames that wait give way until there is room for the frame of `sequence`. Frames that
// a stage works on are never interrupted; they hold their places.
void InspectionStream::MakeRoom(uint64_t sequence) {
  std::vector<FrameId> waiting;
  size_t surplus = 0;
  {
    MutexLock lock(mu_);
    if (unanswered_ <= surroundings_.max_frames) return;
    surplus = unanswered_ - surroundings_.max_frames;
    for (uint64_t older = first_sequence_; older < sequence; ++older) {
      const Slot& slot = slots_[older - first_sequence_];
      if (!slot.reply.has_value() && slot.id.has_value()) waiting.push_back(*slot.id);
    }
  }
  for (const FrameId id : waiting) {
    if (surplus == 0) return;
    if (surroundings_.pipeline.Skip(id, SkippedStatus())) --surplus;
  }
}

void InspectionStream::RejectFrame(uint64_t sequence, ReceivedFrame frame, const absl::Status& status) {
  surroundings_.on_frame_rejected(status);
  // Ids over the limit are not sent back: they may be as large as a picture.
  if (!CheckMetadata(frame.metadata).ok()) frame.metadata.Clear();
  Reply(sequence, frame, status);
}

// A place for the reply of the next frame; none when the stream has ended.
std::optional<uint64_t> InspectionStream::AddSlot() {
  MutexLock lock(mu_);
  if (finished_) return std::nullopt;
  slots_.emplace_back();
  ++unanswered_;
  return first_sequence_ + slots_.size() - 1;
}

void InspectionStream::Reply(uint64_t sequence, const ReceivedFrame& frame, FrameResult result) {
  const FrameRecord record = RecordOf(*surroundings_.call, frame, result);
  v1::InspectStreamResponse message;
  message.set_sequence(sequence);
  if (result.ok()) {
    *message.mutable_result() = ToProto(*std::move(result));
    *message.mutable_result()->mutable_metadata() = frame.metadata;
  } else if (IsSkipped(result.status())) {
    message.mutable_skipped();
  } else {
    *message.mutable_error() = ToProto(result.status());
  }
  *message.mutable_metadata() = frame.metadata;
  absl::StatusOr<grpc::ByteBuffer> bytes = SerializeMessage(message);
  if (!bytes.ok()) return Reply(sequence, frame, bytes.status());
  surroundings_.on_frame_answered(record);
  MutexLock lock(mu_);
  slots_[sequence - first_sequence_].reply = *std::move(bytes);
  --unanswered_;
}

bool InspectionStream::MayRead() const {
  if (reading_ || handling_ || ending_.has_value()) return false;
  const size_t unsent = slots_.size() + (writing_ ? 1 : 0);
  // While the configuration has not come, the first branch is right as well.
  return latest_ ? unsent < surroundings_.max_frames + kMaxUnsentReplies : unsent < surroundings_.max_frames;
}

// Starts whatever can start now. The flags are set under the lock and the calls made outside it: each flag belongs to
// the one thread that set it until gRPC calls back, and a read or write under way keeps the stream from ending.
void InspectionStream::Advance() {
  bool write = false;
  bool read = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(mu_);
    if (finished_) return;
    while (abandoned_ && !slots_.empty() && slots_.front().reply.has_value()) PopSlot();
    if (!writing_ && !slots_.empty() && slots_.front().reply.has_value()) {
      outgoing_ = *std::move(slots_.front().reply);
      PopSlot();
      write = writing_ = true;
    }
    if (MayRead()) read = reading_ = true;
    if (ending_.has_value() && slots_.empty() && !writing_ && !handling_) {
      finished_ = true;
      finish = ToGrpcStatus(*ending_);
    }
  }
  if (write) StartWrite(&outgoing_);
  if (read) StartRead(&incoming_);
  if (finish.has_value()) {
    surroundings_.on_finishing();
    Finish(*finish);
  }
}

void InspectionStream::PopSlot() {
  slots_.pop_front();
  ++first_sequence_;
}

}  // namespace bayespfl::server
