#include "client/cpp/stream_call.h"

#include <utility>

#include "absl/time/time.h"
#include "client/cpp/call_errors.h"

namespace bayespfl::client {
namespace {

// How long a call that was told to end may take before it is cancelled.
constexpr absl::Duration kFinishGrace = absl::Seconds(5);

}  // namespace

StreamCall::StreamCall(const std::string& token, std::function<void()> on_event)
    : on_event_(std::move(on_event)), metadata_(token, context_) {}

void StreamCall::Start(inspection::v1::InspectionService::Stub& stub,
                       std::shared_ptr<const inspection::v1::InspectStreamRequest> configuration) {
  request_ = std::move(configuration);
  {
    absl::MutexLock lock(&mu_);
    writing_ = true;
  }
  stub.async()->InspectStream(&context_, this);
  // Writes are started outside gRPC's callbacks: the hold keeps OnDone away until Finish gives it back.
  AddHold();
  StartRead(&message_);
  StartWrite(request_.get());
  StartCall();
}

bool StreamCall::Writable() const {
  absl::MutexLock lock(&mu_);
  return !writing_ && !writes_closed_;
}

void StreamCall::Send(std::shared_ptr<const inspection::v1::InspectStreamRequest> message) {
  request_ = std::move(message);
  {
    absl::MutexLock lock(&mu_);
    writing_ = true;
  }
  StartWrite(request_.get());
}

void StreamCall::SendDone() {
  {
    absl::MutexLock lock(&mu_);
    if (writes_closed_) return;
    writes_closed_ = true;
  }
  StartWritesDone();
}

std::optional<inspection::v1::InspectStreamResponse> StreamCall::TakeReply() {
  absl::MutexLock lock(&mu_);
  if (replies_.empty()) return std::nullopt;
  std::optional<inspection::v1::InspectStreamResponse> reply = std::move(replies_.front());
  replies_.pop_front();
  return reply;
}

bool StreamCall::Ended() const {
  absl::MutexLock lock(&mu_);
  return reads_closed_;
}

absl::Status StreamCall::Finish(bool cancel) {
  if (cancel) context_.TryCancel();
  RemoveHold();
  // Never cancel with the lock held: gRPC may run a callback on this very thread.
  if (!done_.WaitForNotificationWithTimeout(kFinishGrace)) {
    context_.TryCancel();
    done_.WaitForNotification();
  }
  absl::MutexLock lock(&mu_);
  return final_;
}

void StreamCall::OnWriteDone(bool ok) {
  {
    absl::MutexLock lock(&mu_);
    writing_ = false;
    // A failed write means that the call is over; the read side learns that with the reason, after the last reply.
    if (!ok) writes_closed_ = true;
  }
  on_event_();
}

void StreamCall::OnReadDone(bool ok) {
  {
    absl::MutexLock lock(&mu_);
    if (ok) {
      replies_.push_back(std::move(message_));
    } else {
      reads_closed_ = true;
    }
  }
  if (ok) {
    message_.Clear();
    StartRead(&message_);
  }
  on_event_();
}

void StreamCall::OnDone(const grpc::Status& status) {
  {
    absl::MutexLock lock(&mu_);
    final_ = WithRequestId(FromGrpcStatus(status), metadata_.request_id());
  }
  done_.Notify();
}

}  // namespace bayespfl::client
