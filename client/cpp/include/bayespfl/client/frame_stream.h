// A stream of frames that outlives its connections.
//
//   absl::StatusOr<std::unique_ptr<FrameStream>> stream = client->OpenStream(
//       options, {.max_in_flight = 4}, [](StreamReply reply) { Use(reply); }, [](const absl::Status& status) {});
//   if (!stream.ok()) return stream.status();
//   while (camera.Grab(frame)) {
//     if (absl::Status sent = (*stream)->Send(std::move(frame)); !sent.ok()) return sent;
//   }
//   return (*stream)->Finish();
#ifndef BAYESPFL_CLIENT_FRAME_STREAM_H_
#define BAYESPFL_CLIENT_FRAME_STREAM_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// One frame on its way out.
struct OutgoingFrame {
  // `options` override the stream's field by field. Without a `metadata.frame_id` it gets one; `metadata.attempt` is
  // what the first attempt is numbered. `timeout` is the frame's time, all attempts together.
  inspection::v1::StreamFrame frame;
  uint64_t tag = 0;  // the caller's own; comes back with the reply, never leaves the process
};

// What became of one frame.
struct StreamReply {
  uint64_t tag = 0;
  inspection::v1::FrameMetadata metadata;  // as sent last, of errors too
  uint32_t attempts = 0;                   // times it was sent
  // ABORTED: skipped, because younger frames of the stream came (FLOW_POLICY_LATEST). Else as errors.h says.
  absl::StatusOr<inspection::v1::InspectResponse> result = absl::UnknownError("not answered");
  absl::Duration latency;  // from handing the last attempt to gRPC to the reply's arrival
};

struct StreamOptions {
  // Frames taken and not given back, >= 1. Bounds memory here and at the server.
  size_t max_in_flight = 8;

  // FLOW_POLICY_LATEST: the server skips the oldest frames that wait when more come than it can take.
  inspection::v1::FlowPolicy flow_policy = inspection::v1::FLOW_POLICY_BLOCK;

  // Of each frame that brings none of its own, from when it was taken until its reply, all attempts together; > 0.
  absl::Duration frame_timeout = absl::Seconds(60);
};

// Sends frames, and gives one reply for each, in their order. A call that the server ends (it stops, or the stream has
// reached its age) or that breaks is opened again, and what has no reply goes out again as the next attempt: see
// docs/clients.md. Thread-safe. The client it is of must outlive it.
class FrameStream {
 public:
  using ReplyCallback = std::function<void(StreamReply)>;
  // OK: every frame was answered. Else why the stream cannot go on; every frame had that as its reply before.
  using EndCallback = std::function<void(const absl::Status&)>;

  // Cancels what is not answered: no callback follows.
  virtual ~FrameStream() = default;

  // Takes a frame, when there is room for it in flight. After the stream's end: its status, and for OK
  // FAILED_PRECONDITION. May be called from the reply callback, when there is always room for one frame.
  virtual absl::Status Send(OutgoingFrame frame) = 0;

  // No frame follows.
  virtual void CloseSends() = 0;

  // CloseSends(), and waits until all are answered and both callbacks have returned; not from a callback. Returns what
  // the end callback got.
  virtual absl::Status Finish() = 0;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_FRAME_STREAM_H_
