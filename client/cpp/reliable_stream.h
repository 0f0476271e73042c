// The one form of FrameStream: a thread that keeps a call open while there is something to send.
#ifndef BAYESPFL_CLIENT_CPP_RELIABLE_STREAM_H_
#define BAYESPFL_CLIENT_CPP_RELIABLE_STREAM_H_

#include <cstddef>
#include <deque>
#include <memory>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "bayespfl/client/frame_stream.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/frame_window.h"
#include "client/cpp/retry.h"
#include "client/cpp/server_channel.h"
#include "client/cpp/stream_call.h"

namespace bayespfl::client {

class ReliableStream final : public FrameStream {
 public:
  // `channel` and `stub` outlive it; `options` are in range.
  ReliableStream(ServerChannel& channel, inspection::v1::InspectionService::Stub& stub,
                 const inspection::v1::InspectOptions& inspect_options, const StreamOptions& options,
                 ReplyCallback on_reply, EndCallback on_end);
  ~ReliableStream() override;
  ReliableStream(const ReliableStream&) = delete;
  ReliableStream& operator=(const ReliableStream&) = delete;

  absl::Status Send(OutgoingFrame frame) override;
  void CloseSends() override;
  absl::Status Finish() override;

 private:
  void Run();
  bool Step();  // everything that can be done now; false: the stream is over
  void TakeNewFrames();
  void ReadReplies();
  void EndCall(bool cancel, absl::Status status);
  void CallEnded(const absl::Status& status);
  void GiveReplies();
  void OpenAndSend();
  void Open();
  bool FitsClient(absl::Time now);
  void GiveUp(const absl::Status& status);
  void Wake();
  void WaitForWork();
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return closed_ || !refusal_.ok() || in_flight_ < options_.max_in_flight;
  }
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return dirty_ || cancelled_; }
  bool Ended() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return ended_; }

  ServerChannel& channel_;
  inspection::v1::InspectionService::Stub& stub_;
  const std::shared_ptr<const inspection::v1::InspectStreamRequest> configuration_;
  const StreamOptions options_;
  const ReplyCallback on_reply_;
  const EndCallback on_end_;

  mutable absl::Mutex mu_;
  std::deque<OutgoingFrame> inbox_ ABSL_GUARDED_BY(mu_);  // taken, not yet seen by the thread
  size_t in_flight_ ABSL_GUARDED_BY(mu_) = 0;             // taken, not given back
  bool closed_ ABSL_GUARDED_BY(mu_) = false;              // no frame follows
  absl::Status refusal_ ABSL_GUARDED_BY(mu_);             // not OK: no frame is taken any more
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool dirty_ ABSL_GUARDED_BY(mu_) = false;  // there may be something to do
  bool ended_ ABSL_GUARDED_BY(mu_) = false;  // after the end callback
  absl::Status status_ ABSL_GUARDED_BY(mu_);

  // Of the thread alone.
  FrameWindow window_;
  std::unique_ptr<StreamCall> call_;
  bool call_replied_ = false;  // since it was opened
  bool leaving_ = false;       // its server refuses frames that another one may take: it gets no more
  Backoff backoff_;
  absl::Time opening_since_;                           // of the tries that have brought no reply
  absl::Time open_not_before_ = absl::InfinitePast();  // the next one
  absl::Status end_;                                   // not OK: the stream cannot go on

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_RELIABLE_STREAM_H_
