// One InspectStream call.
#ifndef BAYESPFL_SERVER_API_INSPECTION_STREAM_H_
#define BAYESPFL_SERVER_API_INSPECTION_STREAM_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/status.h"
#include "server/api/records.h"
#include "server/api/translate.h"
#include "server/pipeline/mutex.h"
#include "server/pipeline/pipeline.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

// What a stream needs of its service; everything outlives it.
struct StreamSurroundings {
  Pipeline& pipeline;
  std::shared_ptr<const CallRecord> call;
  size_t max_frames = 4;                  // >= 1; frames read and not answered
  std::optional<absl::Duration> max_age;  // then the stream is ended, so that load spreads over new servers
  std::function<void(const absl::Status&)> on_frame_rejected;
  std::function<void(const FrameRecord&)> on_frame_answered;
  std::function<void()> on_finishing;                // before the client can see the end
  std::function<void(const grpc::Status&)> on_done;  // the last call; the stream may be gone when it returns
};

// At most one read, one write and many frames are under way at a time.
//
// Replies wait in `slots_`, one for each frame that was read and whose reply is not being written, in the frames'
// order; a slot is filled when its frame is answered. Whatever happens changes the state under the lock and then calls
// Advance(), the only place that starts a read, a write or the end. Finish() is called once, when `ending_` is set and
// every frame that was read has been answered, so gRPC's OnDone() never comes while the pipeline holds a frame of this
// stream. The frames' callbacks, the timer and the service hold references besides, so that nothing depends on that
// order.
//
// Thread-safe; make it with std::make_shared.
class InspectionStream final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                               public std::enable_shared_from_this<InspectionStream> {
 public:
  InspectionStream(StreamSurroundings surroundings, absl::Time deadline);

  // Starts reading, or ends the stream with `refusal` when that is no OK.
  void Start(const absl::Status& refusal);

  // No more frames are read, those read are answered, then the stream ends with `status`. The first reason stands.
  void EndWith(const absl::Status& status);

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // The reply to one frame.
  struct Slot {
    std::optional<FrameId> id;  // in the pipeline
    std::optional<grpc::ByteBuffer> reply;
  };

  void Abandon();
  void SetEnding(const absl::Status& status);
  void StartTimer();
  void OnMessage();
  void OnConfiguration(const inspection::v1::StreamConfiguration& configuration);
  void OnFrame(uint64_t sequence, std::shared_ptr<inspection::v1::InspectStreamRequest> message);
  void RejectFrame(uint64_t sequence, ReceivedFrame frame, const absl::Status& status);
  std::optional<uint64_t> AddSlot();
  void MakeRoom(uint64_t sequence);
  void Reply(uint64_t sequence, const ReceivedFrame& frame, FrameResult result);
  void Advance();
  bool MayRead() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void PopSlot() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const StreamSurroundings surroundings_;
  const absl::Time deadline_;
  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
  std::shared_ptr<InspectionStream> self_;         // gRPC's reference; given up in OnDone()
  std::optional<StreamDefaults> defaults_;         // touched by the reading side only, as is arrival_
  std::chrono::steady_clock::time_point arrival_;  // of the message that is being handled
  grpc::ByteBuffer incoming_;                      // belongs to the read under way
  grpc::ByteBuffer outgoing_;                      // belongs to the write under way
  grpc::Alarm age_;

  mutable Mutex mu_;
  std::deque<Slot> slots_ ABSL_GUARDED_BY(mu_);
  uint64_t first_sequence_ ABSL_GUARDED_BY(mu_) = 0;         // of slots_.front()
  size_t unanswered_ ABSL_GUARDED_BY(mu_) = 0;               // slots without a reply
  bool latest_ ABSL_GUARDED_BY(mu_) = false;                 // FLOW_POLICY_LATEST
  std::optional<absl::Status> ending_ ABSL_GUARDED_BY(mu_);  // how the stream ends; set: nothing more is read
  bool reading_ ABSL_GUARDED_BY(mu_) = false;                // a read is under way in gRPC
  bool handling_ ABSL_GUARDED_BY(mu_) = false;               // a message that was read is being looked at
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool abandoned_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_INSPECTION_STREAM_H_
