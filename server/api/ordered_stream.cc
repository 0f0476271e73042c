#include "server/api/ordered_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/api/status.h"

namespace bayespfl::server {

OrderedStream::OrderedStream(StreamSurroundings surroundings, absl::Time deadline)
    : surroundings_(std::move(surroundings)),
      deadline_(deadline),
      exchange_({.max_unsent = surroundings_.max_frames, .max_unsent_bytes = surroundings_.max_unsent_bytes}, *this,
                surroundings_.unsent) {}

void OrderedStream::Start(const absl::Status& refusal) {
  self_ = shared_from_this();
  if (!refusal.ok()) return EndWith(refusal);
  StartTimer();
  Advance();
}

void OrderedStream::StartTimer() {
  if (!surroundings_.max_age.has_value()) return;
  // A weak reference: the alarm is a part of the stream and keeps its callback for as long as it lives.
  age_.Set(absl::ToChronoTime(absl::Now() + *surroundings_.max_age), [weak = weak_from_this()](bool rang) {
    const std::shared_ptr<OrderedStream> self = rang ? weak.lock() : nullptr;
    if (self == nullptr) return;  // cancelled in OnDone()
    self->EndWith(WithReason(absl::UnavailableError("the stream has reached max_stream_age; open a new one"),
                             ErrorReason::kMaxStreamAge));
  });
}

void OrderedStream::IssueRead() { StartRead(&incoming_); }

void OrderedStream::IssueWrite(const ReplyPayload& reply) {
  StartWrite(static_cast<const grpc::ByteBuffer*>(reply.data.get()));
}

void OrderedStream::IssueFinish(const absl::Status& status) {
  final_status_ = ToGrpcStatus(status);
  surroundings_.on_finishing();
  Finish(final_status_);
}

std::function<void()> OrderedStream::Waker() {
  return [weak = weak_from_this()] {
    if (const std::shared_ptr<OrderedStream> self = weak.lock()) self->exchange_.RoomAgain();
  };
}

void OrderedStream::OnReadDone(bool ok) {
  if (!ok) return exchange_.ReadEnded();  // half close; after a cancellation OnCancel() has the word
  if (surroundings_.on_message) surroundings_.on_message(incoming_.Length());
  exchange_.MessageRead();
  OnMessage(incoming_);
  exchange_.MessageHandled();
}

void OrderedStream::OnWriteDone(bool ok) {
  if (!ok) Abandon();  // first, so that the call cannot end as if the reply had been sent
  exchange_.WriteEnded();
}

void OrderedStream::OnCancel() {
  Abandon();
  Advance();
}

void OrderedStream::OnDone() {
  age_.Cancel();
  // A client that leaves ends the read under way too, and gRPC may tell of that first: it looked like a half close
  // then, and the end was on its way when OnCancel() came.
  if (final_status_.ok() && surroundings_.cancelled && surroundings_.cancelled()) {
    final_status_ = ToGrpcStatus(GoneStatus());
  }
  const std::shared_ptr<OrderedStream> last = std::move(self_);
  surroundings_.on_done(final_status_);
}

absl::Status OrderedStream::GoneStatus() const {
  return absl::Now() >= deadline_ ? absl::DeadlineExceededError("the stream's deadline passed")
                                  : absl::CancelledError("the client left");
}

void OrderedStream::Abandon() {
  exchange_.Abandon(GoneStatus());
  OnAbandoned();
}

void OrderedStream::FillSlot(uint64_t sequence, const grpc::ByteBuffer& reply, ReplyGone on_gone) {
  exchange_.FillSlot(sequence, {.data = std::make_shared<const grpc::ByteBuffer>(reply), .bytes = reply.Length()},
                     std::move(on_gone));
}

}  // namespace bayespfl::server
