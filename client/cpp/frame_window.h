// The frames that a stream has taken from its caller and not given back: which of them to send, and what became of
// them.
#ifndef BAYESPFL_CLIENT_CPP_FRAME_WINDOW_H_
#define BAYESPFL_CLIENT_CPP_FRAME_WINDOW_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bayespfl/client/frame_stream.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "client/cpp/retry.h"

namespace bayespfl::client {

// Knows neither gRPC nor the clock. A frame waits to be sent, is on the call, or has its reply; replies leave in the
// order in which the frames came. Not thread-safe.
class FrameWindow {
 public:
  using Message = inspection::v1::InspectStreamRequest;

  // `frame_timeout` > 0: of frames that bring none of their own.
  explicit FrameWindow(absl::Duration frame_timeout) : frame_timeout_(frame_timeout) {}

  // Takes a frame; gives it an id when it has none.
  void Add(OutgoingFrame frame, absl::Time now);

  size_t size() const { return frames_.size(); }
  bool empty() const { return frames_.empty(); }
  // Whether a frame is on the call, without a reply.
  bool AnyOnCall() const { return !on_call_.empty(); }
  // Whether a frame is to be sent, now or later.
  bool HasWaiting() const;

  // The first frame that is to be sent now, made ready: its attempt, and what is left of its time. Null: there is none.
  // It is on the call from then on. The message stays as it is until the frame is sent again, and a message that is
  // still being written must not be: ask only while no write is under way.
  std::shared_ptr<const Message> NextToSend(absl::Time now);

  // The call's next reply: of the oldest frame on it. An error that the frame may be sent again for makes it wait.
  // Not OK: it fits no frame, or another picture than the one that was sent; the call is no good any more.
  // `request_id` is the call's.
  absl::Status Accept(inspection::v1::InspectStreamResponse reply, const std::string& request_id, absl::Time now);

  // The call is over: what is on it waits again. `why` is the error of what then runs out of time, and of what is
  // added before there is a reply again; OK: each frame's own last one.
  void CallEnded(const absl::Status& why);

  // The same because of one message's size: the frames on the call that are larger than `limit` bytes get `error` as
  // their reply; without any, or with a limit of 0, the oldest, whose reply it must have been.
  void CallEndedBySize(uint64_t limit, const absl::Status& error, absl::Time now);

  // What waits and is larger than `bytes` gets the error that `error_of` makes of its size, in bytes.
  void FailLargerThan(uint64_t bytes, absl::FunctionRef<absl::Status(uint64_t size)> error_of, absl::Time now);
  // All that waits gets `error`.
  void FailWaiting(const absl::Status& error, absl::Time now);

  // Answers what waits and has no time left.
  void Expire(absl::Time now);
  // A frame on the call has had no reply for so long after its time that the server must hang.
  bool Stalled(absl::Time now) const;

  // When, after `now`, Expire(), Stalled() or NextToSend() will have another answer by the clock alone.
  absl::Time NextChange(absl::Time now) const;

  // When the first of what waits has no time left; infinite: nothing waits.
  absl::Time FirstDeadline() const;

  // The reply of the frame that came first, if it has one; the frame is gone then.
  std::optional<StreamReply> TakeFirst();

 private:
  enum class State { kWaiting, kOnCall, kDone };

  struct Frame {
    uint64_t tag = 0;
    std::shared_ptr<Message> message;
    std::string picture_sha256;
    uint32_t first_attempt = 0;  // as the caller numbered it
    uint32_t attempts = 0;       // times it was sent
    absl::Time taken;
    absl::Time sent;  // last
    absl::Time deadline;
    absl::Time not_before = absl::InfinitePast();
    Retry retry;
    absl::Status last_error;  // of the attempts so far
    State state = State::kWaiting;
    StreamReply reply;
  };

  static void Finish(Frame& frame, absl::StatusOr<inspection::v1::InspectResponse> result, absl::Time now);
  void Failed(Frame& frame, const absl::Status& status, absl::Time now);

  const absl::Duration frame_timeout_;
  std::deque<std::unique_ptr<Frame>> frames_;  // as they came
  std::deque<Frame*> on_call_;                 // as they were sent; each of frames_
  uint64_t next_sequence_ = 0;                 // that the call's next reply must carry
  // Why the last call ended, until there is a reply again: what a frame that came since then waits for, though it was
  // not tried itself.
  absl::Status outage_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_FRAME_WINDOW_H_
