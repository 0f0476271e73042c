#include "client/cpp/reliable_stream.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bayespfl/client/errors.h"

namespace bayespfl::client {
namespace {

using inspection::v1::ErrorReason;
using inspection::v1::InspectStreamRequest;

// Without a call gRPC works on its connection only while somebody waits for it (ServerChannel::Pause); so long at once,
// since new frames and the end are not noticed meanwhile.
constexpr absl::Duration kConnectingSlice = absl::Milliseconds(20);

// How long the server is asked for its limits.
constexpr absl::Duration kLimitsPatience = absl::Seconds(5);

std::shared_ptr<const InspectStreamRequest> ConfigurationOf(const inspection::v1::InspectOptions& inspect_options,
                                                            const StreamOptions& options) {
  auto request = std::make_shared<InspectStreamRequest>();
  *request->mutable_configuration()->mutable_options() = inspect_options;
  request->mutable_configuration()->set_flow_policy(options.flow_policy);
  return request;
}

bool EndsGently(ErrorReason reason) {
  return reason == inspection::v1::ERROR_REASON_MAX_STREAM_AGE || reason == inspection::v1::ERROR_REASON_DRAINING;
}

}  // namespace

ReliableStream::ReliableStream(ServerChannel& channel, inspection::v1::InspectionService::Stub& stub,
                               const inspection::v1::InspectOptions& inspect_options, const StreamOptions& options,
                               ReplyCallback on_reply, EndCallback on_end)
    : channel_(channel),
      stub_(stub),
      configuration_(ConfigurationOf(inspect_options, options)),
      options_(options),
      on_reply_(std::move(on_reply)),
      on_end_(std::move(on_end)),
      window_(options.frame_timeout),
      opening_since_(absl::InfinitePast()),
      thread_([this] { Run(); }) {}

ReliableStream::~ReliableStream() {
  {
    absl::MutexLock lock(&mu_);
    cancelled_ = true;
  }
  thread_.join();
}

absl::Status ReliableStream::Send(OutgoingFrame frame) {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &ReliableStream::HasRoom));
  if (!refusal_.ok()) return refusal_;
  if (closed_) return absl::FailedPreconditionError("the stream takes no frames any more");
  ++in_flight_;
  inbox_.push_back(std::move(frame));
  dirty_ = true;
  return absl::OkStatus();
}

void ReliableStream::CloseSends() {
  absl::MutexLock lock(&mu_);
  closed_ = true;
  dirty_ = true;
}

absl::Status ReliableStream::Finish() {
  CloseSends();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &ReliableStream::Ended));
  return status_;
}

void ReliableStream::Wake() {
  absl::MutexLock lock(&mu_);
  dirty_ = true;
}

void ReliableStream::Run() {
  while (Step()) WaitForWork();
  if (call_ != nullptr) {
    const bool well = end_.ok();
    if (well && call_->Writable()) call_->SendDone();
    call_->Finish(!well).IgnoreError();  // every frame has its reply
    call_.reset();
  }
  bool cancelled = false;
  {
    absl::MutexLock lock(&mu_);
    cancelled = cancelled_;
  }
  if (!cancelled) on_end_(end_);
  absl::MutexLock lock(&mu_);
  status_ = end_;
  ended_ = true;
}

void ReliableStream::WaitForWork() {
  const absl::Time now = absl::Now();
  absl::Time until = window_.NextChange(now);
  if (call_ == nullptr && window_.HasWaiting()) {
    until = std::min(until, open_not_before_);
    if (until > now) channel_.Pause(std::min(until - now, kConnectingSlice));
  }
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithDeadline(absl::Condition(this, &ReliableStream::HasWork), until);
  dirty_ = false;
}

bool ReliableStream::Step() {
  {
    absl::MutexLock lock(&mu_);
    if (cancelled_) {
      end_ = absl::CancelledError("the stream was given up");
      return false;
    }
  }
  TakeNewFrames();
  if (call_ != nullptr) ReadReplies();
  window_.Expire(absl::Now());
  if (call_ != nullptr && window_.Stalled(absl::Now())) {
    EndCall(true, absl::UnavailableError("the server hangs: it did not answer a frame when its time had passed"));
    window_.Expire(absl::Now());
  }
  if (end_.ok()) OpenAndSend();
  GiveReplies();
  absl::MutexLock lock(&mu_);
  return end_.ok() && !(closed_ && in_flight_ == 0);
}

void ReliableStream::TakeNewFrames() {
  std::deque<OutgoingFrame> frames;
  {
    absl::MutexLock lock(&mu_);
    frames.swap(inbox_);
  }
  for (OutgoingFrame& frame : frames) window_.Add(std::move(frame), absl::Now());
}

void ReliableStream::ReadReplies() {
  const bool ended = call_->Ended();  // asked first: replies may arrive until then
  while (std::optional<inspection::v1::InspectStreamResponse> reply = call_->TakeReply()) {
    channel_.NoteReached();
    if (reply->has_error() && AnotherServerMayHelp(reply->error().reason())) leaving_ = true;
    const absl::Status accepted = window_.Accept(*std::move(reply), call_->request_id(), absl::Now());
    if (!accepted.ok()) return EndCall(true, accepted);
    call_replied_ = true;
    backoff_.Reset();
  }
  if (ended) EndCall(false, absl::OkStatus());
}

// `status`, or if that is OK what the server says, is why.
void ReliableStream::EndCall(bool cancel, absl::Status status) {
  const absl::Status said = call_->Finish(cancel);
  call_.reset();
  if (status.ok()) status = said;
  const bool left = std::exchange(leaving_, false);
  if (status.ok() && left && !window_.AnyOnCall()) {
    window_.CallEnded(status);
    open_not_before_ = absl::Now();  // each frame has its own pause
    return;
  }
  if (status.ok()) status = absl::InternalError("the server ended the stream before its client did");
  CallEnded(status);
}

void ReliableStream::CallEnded(const absl::Status& status) {
  const absl::Time now = absl::Now();
  const ErrorReason reason = ErrorReasonOf(status);
  if (reason == inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE) {
    // Which of the frames it was, gRPC does not say: one that the server does not take, or else the oldest, whose reply
    // this client does not take.
    const absl::Status error = channel_.MessageTooLarge(status.message(), now + kLimitsPatience);
    return window_.CallEndedBySize(channel_.server_message_limit(), error, now);
  }
  window_.CallEnded(status);
  const absl::Duration delay = Retry().Delay(status);
  if (delay < absl::ZeroDuration()) return GiveUp(status);
  const absl::Time patience = channel_.PatienceOf(opening_since_, absl::InfiniteFuture());
  if (!call_replied_ && now >= patience) return GiveUp(status);
  const bool at_once = EndsGently(reason) && call_replied_;
  const absl::Duration own_delay = at_once ? absl::ZeroDuration() : backoff_.Next();
  open_not_before_ = now + std::max(own_delay, RetryDelayOf(status).value_or(absl::ZeroDuration()));
}

void ReliableStream::GiveUp(const absl::Status& status) {
  end_ = status;
  {
    absl::MutexLock lock(&mu_);
    refusal_ = status;  // first: no frame is taken that nobody answers
  }
  TakeNewFrames();
  window_.FailWaiting(status, absl::Now());
}

void ReliableStream::OpenAndSend() {
  const absl::Time now = absl::Now();
  if (!window_.HasWaiting()) return;  // a call that is left has left at least one frame waiting
  if (call_ == nullptr) {
    if (now < open_not_before_) return;
    if (!FitsClient(now)) return;
    Open();
  }
  if (call_ == nullptr || !call_->Writable()) return;
  if (leaving_) return call_->SendDone();
  if (!FitsClient(now)) return;  // what the server takes may be known only now
  if (std::shared_ptr<const InspectStreamRequest> message = window_.NextToSend(now)) call_->Send(std::move(message));
}

// Answers the frames that are over a limit; false: no other is left to send.
bool ReliableStream::FitsClient(absl::Time now) {
  const uint64_t server = channel_.server_message_limit();
  const auto client = static_cast<uint64_t>(channel_.options().max_message_bytes);
  const uint64_t limit = server == 0 ? client : std::min(server, client);
  const auto error_of = [&](uint64_t size) {
    return channel_.MessageTooLarge(absl::StrCat("the message has ", size, " bytes"), now + kLimitsPatience);
  };
  window_.FailLargerThan(limit, error_of, now);
  return window_.HasWaiting();
}

void ReliableStream::Open() {
  const absl::Time now = absl::Now();
  if (call_replied_ || opening_since_ == absl::InfinitePast()) opening_since_ = now;
  call_replied_ = false;
  channel_.AwaitConnection(channel_.PatienceOf(now, now + options_.frame_timeout));
  const absl::Status learnt = channel_.LearnLimits(std::min(now + kLimitsPatience, window_.FirstDeadline()));
  if (absl::IsDeadlineExceeded(learnt)) return CallEnded(absl::UnavailableError("the server does not answer"));
  if (!learnt.ok()) return CallEnded(learnt);
  call_ = std::make_unique<StreamCall>(channel_.options().token, [this] { Wake(); });
  call_->Start(stub_, configuration_);
}

void ReliableStream::GiveReplies() {
  while (std::optional<StreamReply> reply = window_.TakeFirst()) {
    {
      absl::MutexLock lock(&mu_);
      if (cancelled_) return;
      --in_flight_;
    }
    on_reply_(*std::move(reply));
  }
}

}  // namespace bayespfl::client
