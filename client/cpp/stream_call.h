// The gRPC side of one InspectStream call.
#ifndef BAYESPFL_CLIENT_CPP_STREAM_CALL_H_
#define BAYESPFL_CLIENT_CPP_STREAM_CALL_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/server_channel.h"

namespace bayespfl::client {

// Reads and writes run as gRPC callbacks, independent of each other: replies are taken from the wire while a write
// waits for the server's flow control, so that back pressure in one direction never blocks the other. Nothing here
// waits but Finish().
//
// Use: Start, then Send, TakeReply and SendDone in any order, then Finish exactly once, before destruction.
// Thread safety: the public methods belong to one thread; the On... callbacks belong to gRPC.
class StreamCall final
    : public grpc::ClientBidiReactor<inspection::v1::InspectStreamRequest, inspection::v1::InspectStreamResponse> {
 public:
  // `on_event` is called from gRPC's threads whenever one of the questions below may have another answer.
  StreamCall(const std::string& token, std::function<void()> on_event);

  // Opens the call and sends the configuration.
  void Start(inspection::v1::InspectionService::Stub& stub,
             std::shared_ptr<const inspection::v1::InspectStreamRequest> configuration);

  // No write is under way, and the call takes more.
  bool Writable() const;

  // Sends one message. Only while Writable().
  void Send(std::shared_ptr<const inspection::v1::InspectStreamRequest> message);

  // No message follows. Once, only while no write is under way.
  void SendDone();

  // The oldest reply that has not been taken.
  std::optional<inspection::v1::InspectStreamResponse> TakeReply();

  // The server or the network has ended the call: no reply follows those that wait to be taken.
  bool Ended() const;

  // Ends the call, at once if `cancel`, and waits for gRPC to let go of this object. Returns the call's status.
  absl::Status Finish(bool cancel);

  const std::string& request_id() const { return metadata_.request_id(); }

  void OnWriteDone(bool ok) override;
  void OnReadDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

 private:
  const std::function<void()> on_event_;
  grpc::ClientContext context_;
  const CallMetadata metadata_;
  std::shared_ptr<const inspection::v1::InspectStreamRequest> request_;  // of the write in progress
  inspection::v1::InspectStreamResponse message_;                        // of the read in progress

  mutable absl::Mutex mu_;
  std::deque<inspection::v1::InspectStreamResponse> replies_ ABSL_GUARDED_BY(mu_);  // arrived, not taken; oldest first
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool writes_closed_ ABSL_GUARDED_BY(mu_) = false;  // SendDone, or a write failed
  bool reads_closed_ ABSL_GUARDED_BY(mu_) = false;   // no reply can follow
  absl::Status final_ ABSL_GUARDED_BY(mu_);          // of the call, once done_
  absl::Notification done_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_STREAM_CALL_H_
