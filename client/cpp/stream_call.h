// The gRPC side of one InspectStream call; see InspectionClient::InspectStream for what it does as a whole.
#ifndef BAYESPFL_CLIENT_CPP_STREAM_CALL_H_
#define BAYESPFL_CLIENT_CPP_STREAM_CALL_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/inspection_client.h"

namespace bayespfl::client {

// Reads and writes run as gRPC callbacks, independent of each other: replies are taken from the wire while a write
// waits for the server's flow control, so that back pressure in one direction never blocks the other. The owner's
// thread waits for events, produces frames and consumes replies.
//
// Use: Start, then Wait/Send/SendDone until the call is over, then Finish exactly once, before destruction.
// Thread safety: the public methods belong to one thread; the On... callbacks belong to gRPC.
class StreamCall final
    : public grpc::ClientBidiReactor<inspection::v1::InspectStreamRequest, inspection::v1::InspectStreamResponse> {
 public:
  // `token` as ClientOptions::token.
  StreamCall(const StreamOptions& options, const std::string& token);

  // Opens the call and sends the configuration.
  void Start(inspection::v1::InspectionService::Stub& stub, const inspection::v1::InspectOptions& inspect_options);

  // What the owner is to do next.
  struct Event {
    enum class Kind {
      kReply,    // `reply` is the oldest unanswered frame's
      kRoom,     // one frame may be sent (only while `wants_room`)
      kEnded,    // the server or the network ended the call, or every frame is answered
      kStalled,  // no reply for stall_timeout
    };
    Kind kind = Kind::kEnded;
    std::optional<StreamReply> reply;
  };
  // Waits for an event. Replies come before everything else.
  Event Wait(bool wants_room);

  // Sends one frame. Only after kRoom.
  void Send(OutgoingFrame frame);

  // No frame follows. Once.
  void SendDone();

  // Ends the call, cancelled with `reason` unless that is OK, and waits for gRPC to let go of this object. Returns the
  // call's status: the first protocol error seen, else `reason` when not OK, else what the server sent.
  absl::Status Finish(const absl::Status& reason);

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  struct Pending {
    uint64_t tag = 0;
    absl::Time sent;
  };

  bool HasEvent() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Turns message_ into a queued reply; false: it fits no frame, and protocol_error_ says why.
  bool Accept() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const StreamOptions options_;
  grpc::ClientContext context_;
  inspection::v1::InspectStreamRequest request_;   // of the write in progress
  inspection::v1::InspectStreamResponse message_;  // of the read in progress

  mutable absl::Mutex mu_;
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mu_);      // sent, not answered; oldest first
  std::deque<StreamReply> replies_ ABSL_GUARDED_BY(mu_);  // arrived, not yet consumed; oldest first
  absl::Time last_progress_ ABSL_GUARDED_BY(mu_);         // when the stall clock was last wound
  uint64_t next_sequence_ ABSL_GUARDED_BY(mu_) = 0;       // that the next reply must carry
  bool wants_room_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool writes_closed_ ABSL_GUARDED_BY(mu_) = false;  // SendDone, or a write failed
  bool reads_closed_ ABSL_GUARDED_BY(mu_) = false;   // no reply can follow
  absl::Status protocol_error_ ABSL_GUARDED_BY(mu_);
  absl::Status final_ ABSL_GUARDED_BY(mu_);  // of the call, once done_
  absl::Notification done_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_STREAM_CALL_H_
