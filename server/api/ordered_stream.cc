#include "server/api/ordered_stream.h"

#include <utility>

#include "absl/time/clock.h"
#include "server/api/status.h"

namespace bayespfl::server {

OrderedStream::OrderedStream(StreamSurroundings surroundings, absl::Time deadline)
    : surroundings_(std::move(surroundings)), deadline_(deadline), max_unsent_(surroundings_.max_frames) {}

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
    self->EndWith(WithErrorInfo(absl::UnavailableError("the stream has reached max_stream_age; open a new one"),
                                "MAX_STREAM_AGE"));
  });
}

void OrderedStream::EndWith(const absl::Status& status) {
  SetEnding(status);
  Advance();
}

void OrderedStream::OnReadDone(bool ok) {
  {
    MutexLock lock(mu_);
    reading_ = false;
    handling_ = ok;
  }
  if (ok) {
    OnMessage(incoming_);
    MutexLock lock(mu_);
    handling_ = false;
  } else {
    SetEnding(absl::OkStatus());  // half close; after a cancellation OnCancel() has the word
  }
  Advance();
}

void OrderedStream::OnWriteDone(bool ok) {
  {
    MutexLock lock(mu_);
    NoteSent(std::exchange(writing_, 0), outgoing_.Length());
    outgoing_.Clear();
  }
  if (!ok) Abandon();
  Advance();
}

void OrderedStream::OnCancel() {
  Abandon();
  Advance();
}

void OrderedStream::OnDone() {
  age_.Cancel();
  grpc::Status status;
  {
    MutexLock lock(mu_);
    status = ToGrpcStatus(*ending_);
  }
  const std::shared_ptr<OrderedStream> last = std::move(self_);
  surroundings_.on_done(status);
}

void OrderedStream::Abandon() {
  {
    MutexLock lock(mu_);
    abandoned_ = true;
    if (!finished_) {
      ending_ = absl::Now() >= deadline_ ? absl::DeadlineExceededError("the stream's deadline passed")
                                         : absl::CancelledError("the client left");
    }
  }
  OnAbandoned();
}

// The first reason stands. No message is read after it.
void OrderedStream::SetEnding(const absl::Status& status) {
  MutexLock lock(mu_);
  if (!ending_.has_value()) ending_ = status;
}

void OrderedStream::SetMaxUnsent(size_t frames) {
  MutexLock lock(mu_);
  max_unsent_ = frames;
}

std::optional<uint64_t> OrderedStream::AddSlot(size_t weight) {
  MutexLock lock(mu_);
  if (finished_) return std::nullopt;
  slots_.push_back({.weight = weight});
  unsent_ += weight;
  return first_sequence_ + slots_.size() - 1;
}

void OrderedStream::FillSlot(uint64_t sequence, const grpc::ByteBuffer& reply) {
  MutexLock lock(mu_);
  slots_[sequence - first_sequence_].reply = reply;  // shares the bytes
  unsent_bytes_ += reply.Length();
}

bool OrderedStream::MayRead() const {
  return !reading_ && !handling_ && !ending_.has_value() && unsent_ < max_unsent_ &&
         unsent_bytes_ < surroundings_.max_unsent_bytes;
}

// Starts whatever can start now. The flags are set under the lock and the calls made outside it: each flag belongs to
// the one thread that set it until gRPC calls back, and a read or write under way keeps the stream from ending.
void OrderedStream::Advance() {
  bool write = false;
  bool read = false;
  std::optional<grpc::Status> finish;
  {
    MutexLock lock(mu_);
    if (finished_) return;
    while (abandoned_ && HasReply()) {
      const Slot dropped = PopSlot();
      NoteSent(dropped.weight, dropped.reply->Length());
    }
    if (writing_ == 0 && HasReply()) {
      const Slot next = PopSlot();
      outgoing_ = *next.reply;  // shares the bytes
      writing_ = next.weight;
      write = true;
    }
    if (MayRead()) read = reading_ = true;
    if (ending_.has_value() && slots_.empty() && writing_ == 0 && !handling_) {
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

// The first slot can leave.
bool OrderedStream::HasReply() const { return !slots_.empty() && slots_.front().reply.has_value(); }

OrderedStream::Slot OrderedStream::PopSlot() {
  Slot slot = std::move(slots_.front());
  slots_.pop_front();
  ++first_sequence_;
  return slot;
}

void OrderedStream::NoteSent(size_t weight, size_t bytes) {
  unsent_ -= weight;
  unsent_bytes_ -= bytes;
}

}  // namespace bayespfl::server
