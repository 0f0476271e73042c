#include "client/cpp/stream_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/call_errors.h"
#include "client/cpp/server_channel.h"

namespace bayespfl::client {
namespace {

// How long a call that was told to end may take before it is cancelled.
constexpr absl::Duration kFinishGrace = absl::Seconds(5);

}  // namespace

StreamCall::StreamCall(const StreamOptions& options, const std::string& token) : options_(options) {
  AddToken(token, context_);
}

void StreamCall::Start(inspection::v1::InspectionService::Stub& stub,
                       const inspection::v1::InspectOptions& inspect_options) {
  *request_.mutable_configuration()->mutable_options() = inspect_options;
  request_.mutable_configuration()->set_flow_policy(options_.flow_policy);
  {
    absl::MutexLock lock(&mu_);
    writing_ = true;
    last_progress_ = absl::Now();
  }
  stub.async()->InspectStream(&context_, this);
  // Writes are started outside gRPC's callbacks: the hold keeps OnDone away until Finish gives it back.
  AddHold();
  StartRead(&message_);
  StartWrite(&request_);
  StartCall();
}

bool StreamCall::HasEvent() const {
  // Replies go before room (see Wait): frames in flight and replies kept here together never exceed the limit.
  const bool room = wants_room_ && !writing_ && !writes_closed_ && pending_.size() < options_.max_in_flight;
  return !replies_.empty() || room || reads_closed_;
}

StreamCall::Event StreamCall::Wait(bool wants_room) {
  absl::MutexLock lock(&mu_);
  wants_room_ = wants_room;
  if (pending_.empty() && !writing_) last_progress_ = absl::Now();
  while (!HasEvent()) {
    const absl::Time deadline = last_progress_ + options_.stall_timeout;
    if (!mu_.AwaitWithDeadline(absl::Condition(this, &StreamCall::HasEvent), deadline) &&
        absl::Now() >= last_progress_ + options_.stall_timeout) {
      return {.kind = Event::Kind::kStalled, .reply = std::nullopt};
    }
  }
  if (!replies_.empty()) {
    Event event{.kind = Event::Kind::kReply, .reply = std::move(replies_.front())};
    replies_.pop_front();
    return event;
  }
  return {.kind = reads_closed_ ? Event::Kind::kEnded : Event::Kind::kRoom, .reply = std::nullopt};
}

void StreamCall::Send(OutgoingFrame frame) {
  *request_.mutable_frame() = std::move(frame.frame);
  {
    absl::MutexLock lock(&mu_);
    const absl::Time now = absl::Now();
    if (pending_.empty()) last_progress_ = now;
    pending_.push_back({.tag = frame.tag, .sent = now});
    writing_ = true;
  }
  StartWrite(&request_);
}

void StreamCall::SendDone() {
  {
    absl::MutexLock lock(&mu_);
    writes_closed_ = true;
  }
  StartWritesDone();
}

absl::Status StreamCall::Finish(const absl::Status& reason) {
  if (!reason.ok()) context_.TryCancel();
  RemoveHold();
  // Never cancel with the lock held: gRPC may run a callback on this very thread.
  if (!done_.WaitForNotificationWithTimeout(kFinishGrace)) {
    context_.TryCancel();
    done_.WaitForNotification();
  }
  absl::MutexLock lock(&mu_);
  if (!protocol_error_.ok()) return protocol_error_;
  if (!reason.ok()) return reason;
  if (final_.ok() && !pending_.empty()) {
    return absl::InternalError(
        absl::StrCat("the server ended the stream and left ", pending_.size(), " frames unanswered"));
  }
  return final_;
}

void StreamCall::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mu_);
  writing_ = false;
  // A failed write means that the call is over; the read side learns that with the reason, after the last reply.
  if (!ok) writes_closed_ = true;
}

bool StreamCall::Accept() {
  if (pending_.empty()) {
    protocol_error_ = absl::InternalError("the server sent a reply to no frame");
    return false;
  }
  if (message_.sequence() != next_sequence_) {
    protocol_error_ = absl::InternalError(absl::StrCat("the server answered frame ", message_.sequence(),
                                                       " of the stream where frame ", next_sequence_, " was due"));
    return false;
  }
  const Pending frame = pending_.front();
  pending_.pop_front();
  ++next_sequence_;
  last_progress_ = absl::Now();
  StreamReply reply{.tag = frame.tag,
                    .metadata = std::move(*message_.mutable_metadata()),
                    .result = absl::InternalError("the server's reply has neither a result nor an error"),
                    .latency = last_progress_ - frame.sent};
  if (message_.has_result()) reply.result = std::move(*message_.mutable_result());
  if (message_.has_skipped()) reply.result = absl::AbortedError("skipped: younger frames of the stream came");
  if (message_.has_error()) reply.result = FromFrameError(message_.error());
  replies_.push_back(std::move(reply));
  return true;
}

void StreamCall::OnReadDone(bool ok) {
  bool accepted = false;
  {
    absl::MutexLock lock(&mu_);
    accepted = ok && Accept();
    reads_closed_ = !accepted;
  }
  if (accepted) {
    message_.Clear();
    StartRead(&message_);
  } else if (ok) {
    context_.TryCancel();
  }
}

void StreamCall::OnDone(const grpc::Status& status) {
  {
    absl::MutexLock lock(&mu_);
    final_ = FromGrpcStatus(status);
  }
  done_.Notify();
}

}  // namespace bayespfl::client
