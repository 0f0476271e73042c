#include "client/cpp/frame_window.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "client/cpp/call_errors.h"
#include "client/cpp/random_id.h"
#include "client/cpp/reply_check.h"

namespace bayespfl::client {
namespace {

using inspection::v1::InspectResponse;
using inspection::v1::InspectStreamResponse;

// The server answers a frame that is late by itself; the call is given up only when it does not even do that.
constexpr absl::Duration kStallGrace = absl::Seconds(5);

absl::Duration DurationOf(const google::protobuf::Duration& duration) {
  return absl::Seconds(duration.seconds()) + absl::Nanoseconds(duration.nanos());
}

void SetDuration(absl::Duration time, google::protobuf::Duration& duration) {
  const int64_t seconds = absl::ToInt64Seconds(time);
  duration.set_seconds(seconds);
  duration.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::Seconds(seconds))));
}

absl::Status DeadlinePassed() {
  inspection::v1::FrameError error;
  error.set_code(static_cast<int>(absl::StatusCode::kDeadlineExceeded));
  error.set_reason(inspection::v1::ERROR_REASON_DEADLINE_EXCEEDED);
  error.set_message("the frame's time passed before the server answered");
  return FromFrameError(error);
}

}  // namespace

void FrameWindow::Add(OutgoingFrame outgoing, absl::Time now) {
  auto frame = std::make_unique<Frame>();
  frame->tag = outgoing.tag;
  frame->message = std::make_shared<Message>();
  inspection::v1::StreamFrame& content = *frame->message->mutable_frame();
  content = std::move(outgoing.frame);
  if (content.metadata().frame_id().empty()) content.mutable_metadata()->set_frame_id(RandomId());
  frame->picture_sha256 = PictureSha256(content.image());
  frame->first_attempt = content.metadata().attempt();
  frame->taken = now;
  frame->deadline = now + (content.has_timeout() ? DurationOf(content.timeout()) : frame_timeout_);
  frame->last_error = outage_;
  frames_.push_back(std::move(frame));
}

bool FrameWindow::HasWaiting() const {
  return std::any_of(frames_.begin(), frames_.end(), [](const auto& frame) { return frame->state == State::kWaiting; });
}

std::shared_ptr<const FrameWindow::Message> FrameWindow::NextToSend(absl::Time now) {
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state != State::kWaiting || frame->not_before > now || frame->deadline <= now) continue;
    inspection::v1::StreamFrame& content = *frame->message->mutable_frame();
    content.mutable_metadata()->set_attempt(frame->first_attempt + frame->attempts);
    if (frame->deadline == absl::InfiniteFuture()) {
      content.clear_timeout();
    } else {
      SetDuration(frame->deadline - now, *content.mutable_timeout());
    }
    ++frame->attempts;
    frame->sent = now;
    frame->state = State::kOnCall;
    on_call_.push_back(frame.get());
    return frame->message;
  }
  return nullptr;
}

absl::Status FrameWindow::Accept(InspectStreamResponse reply, const std::string& request_id, absl::Time now) {
  if (on_call_.empty()) return absl::InternalError("the server sent a reply to no frame");
  if (reply.sequence() != next_sequence_) {
    return absl::InternalError(absl::StrCat("the server answered frame ", reply.sequence(),
                                            " of the stream where frame ", next_sequence_, " was due"));
  }
  Frame& frame = *on_call_.front();
  const std::string& id = frame.message->frame().metadata().frame_id();
  // An error of metadata that the server does not take comes without any, and goes by its sequence alone.
  const bool anonymous = reply.has_error() && reply.metadata().frame_id().empty();
  if (!anonymous) {
    if (absl::Status same = CheckFrameId(id, reply.metadata().frame_id()); !same.ok()) return same;
  }
  if (reply.has_result()) {
    if (absl::Status same = CheckPicture(id, frame.picture_sha256, reply.result()); !same.ok()) return same;
  }
  if (reply.outcome_case() == InspectStreamResponse::OUTCOME_NOT_SET) {
    return absl::InternalError(absl::StrCat("the reply to the frame ", id, " has neither a result nor an error"));
  }
  on_call_.pop_front();
  ++next_sequence_;
  outage_ = absl::OkStatus();
  if (reply.has_result()) {
    Finish(frame, std::move(*reply.mutable_result()), now);
  } else if (reply.has_error()) {
    Failed(frame, WithRequestId(FromFrameError(reply.error()), request_id), now);
  } else {
    Finish(frame, absl::AbortedError("skipped: younger frames of the stream came"), now);
  }
  return absl::OkStatus();
}

void FrameWindow::Failed(Frame& frame, const absl::Status& status, absl::Time now) {
  const absl::Duration delay = frame.retry.Delay(status);
  if (delay < absl::ZeroDuration()) return Finish(frame, status, now);
  if (now + delay >= frame.deadline) return Finish(frame, Tried(status, frame.attempts, now - frame.taken), now);
  frame.last_error = status;
  frame.not_before = now + delay;
  frame.state = State::kWaiting;
}

void FrameWindow::CallEnded(const absl::Status& why) {
  for (Frame* frame : on_call_) frame->state = State::kWaiting;
  on_call_.clear();
  next_sequence_ = 0;
  if (why.ok()) return;
  outage_ = why;
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state == State::kWaiting) frame->last_error = why;
  }
}

void FrameWindow::CallEndedBySize(uint64_t limit, const absl::Status& error, absl::Time now) {
  std::vector<Frame*> too_large;
  for (Frame* frame : on_call_) {
    if (limit > 0 && frame->message->ByteSizeLong() > limit) too_large.push_back(frame);
  }
  if (too_large.empty() && !on_call_.empty()) too_large.push_back(on_call_.front());
  CallEnded(error);
  for (Frame* frame : too_large) Finish(*frame, error, now);
}

void FrameWindow::FailLargerThan(uint64_t bytes, absl::FunctionRef<absl::Status(uint64_t size)> error_of,
                                 absl::Time now) {
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state != State::kWaiting) continue;
    const uint64_t size = frame->message->ByteSizeLong();
    if (size > bytes) Finish(*frame, error_of(size), now);
  }
}

void FrameWindow::FailWaiting(const absl::Status& error, absl::Time now) {
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state == State::kWaiting) Finish(*frame, error, now);
  }
}

void FrameWindow::Expire(absl::Time now) {
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state != State::kWaiting || frame->deadline > now) continue;
    Finish(*frame,
           frame->last_error.ok() ? DeadlinePassed() : Tried(frame->last_error, frame->attempts, now - frame->taken),
           now);
  }
}

bool FrameWindow::Stalled(absl::Time now) const {
  return std::any_of(on_call_.begin(), on_call_.end(),
                     [now](const Frame* frame) { return frame->deadline + kStallGrace <= now; });
}

absl::Time FrameWindow::FirstDeadline() const {
  absl::Time first = absl::InfiniteFuture();
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state == State::kWaiting) first = std::min(first, frame->deadline);
  }
  return first;
}

absl::Time FrameWindow::NextChange(absl::Time now) const {
  absl::Time next = absl::InfiniteFuture();
  for (const std::unique_ptr<Frame>& frame : frames_) {
    if (frame->state == State::kWaiting) next = std::min(next, frame->deadline);
    if (frame->state == State::kWaiting && frame->not_before > now) next = std::min(next, frame->not_before);
    if (frame->state == State::kOnCall) next = std::min(next, frame->deadline + kStallGrace);
  }
  return next;
}

void FrameWindow::Finish(Frame& frame, absl::StatusOr<InspectResponse> result, absl::Time now) {
  frame.state = State::kDone;
  frame.reply = {.tag = frame.tag,
                 .metadata = frame.message->frame().metadata(),
                 .attempts = frame.attempts,
                 .result = std::move(result),
                 .latency = now - (frame.attempts == 0 ? frame.taken : frame.sent)};
}

std::optional<StreamReply> FrameWindow::TakeFirst() {
  if (frames_.empty() || frames_.front()->state != State::kDone) return std::nullopt;
  std::optional<StreamReply> reply = std::move(frames_.front()->reply);
  frames_.pop_front();
  return reply;
}

}  // namespace bayespfl::client
