// A bidirectional call that answers every message it has read once, in order.
#ifndef BAYESPFL_SERVER_API_ORDERED_STREAM_H_
#define BAYESPFL_SERVER_API_ORDERED_STREAM_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "grpcpp/alarm.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/status.h"
#include "server/api/call_client.h"
#include "server/api/ordered_exchange.h"
#include "server/api/unsent_budget.h"
#include "server/api/wire.h"
#include "server/pipeline/pipeline.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

// Of one stream, of replies that wait to be sent; then reading stops.
inline constexpr size_t kMaxUnsentBytes = size_t{64} << 20;

// What a stream needs of its surroundings; everything outlives it.
struct StreamSurroundings {
  Pipeline& pipeline;
  UnsentBudget& unsent;
  std::shared_ptr<const CallRecord> call;
  size_t max_frames = 4;                         // >= 1; frames read whose replies are not sent; then reading stops
  size_t max_unsent_bytes = kMaxUnsentBytes;     // >= 1; of replies that wait to be sent; then reading stops as well
  size_t max_reply_bytes = kMaxSerializedBytes;  // of one message; a frame whose reply has more fails
  std::optional<absl::Duration> max_age;         // then the stream is ended, so that load spreads over new servers
  CallClient client;                             // whose call it is
  std::function<void(const absl::Status&)> on_frame_rejected;
  std::function<ReplyGone(const RequestRecord&)> on_request_answered;
  std::function<std::shared_ptr<FrameTimeline>()> new_timeline;  // for a frame; null: nobody wants it
  std::function<void(size_t bytes)> on_message = {};             // a message has come; may be empty
  std::function<void()> on_finishing;                            // before the client can see the end
  std::function<bool()> cancelled = {};  // whether the call was, asked when it is over; empty: only OnCancel() says so
  std::function<void(const grpc::Status&)> on_done;  // the last call; the stream may be gone when it returns
};

// gRPC's side of an OrderedExchange, which says what starts when, and the call's age. gRPC's OnDone() comes after the
// exchange's last word, so never while the pipeline holds a frame of this stream. The frames' callbacks and the service
// hold references besides, so that nothing depends on that order.
//
// Thread-safe; make it with std::make_shared.
class OrderedStream : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                      public std::enable_shared_from_this<OrderedStream>,
                      private ExchangeTransport {
 public:
  // Starts reading, or ends the stream with `refusal` when that is no OK.
  void Start(const absl::Status& refusal);

  // No more messages are read, those read are answered, then the stream ends with `status`. The first reason stands.
  void EndWith(const absl::Status& status) { exchange_.EndWith(status); }

  void OnReadDone(bool ok) final;
  void OnWriteDone(bool ok) final;
  void OnCancel() final;
  void OnDone() final;

 protected:
  OrderedStream(StreamSurroundings surroundings, absl::Time deadline);

  // A message was read; called by one thread at a time. Advance() follows.
  virtual void OnMessage(grpc::ByteBuffer& bytes) = 0;

  // The client is gone: nobody waits for the replies, the frames need not run. May come more than once, and while
  // OnMessage() runs.
  virtual void OnAbandoned() = 0;

  // A place for the reply to the message that is being handled; it counts as `weight` >= 1 frames until its reply is
  // sent. None when the stream has ended.
  std::optional<uint64_t> AddSlot(size_t weight = 1) { return exchange_.AddSlot(weight); }

  // Fills the slot. Outside OnMessage(), Advance() must follow.
  void FillSlot(uint64_t sequence, const grpc::ByteBuffer& reply, ReplyGone on_gone);

  void Advance() { exchange_.Advance(); }

  // Within OnMessage(): nothing more is read before ReleaseMessage(), which must come once, from any thread.
  void HoldMessage() { exchange_.HoldMessage(); }
  void ReleaseMessage() { exchange_.MessageHandled(); }

  // EndWith() for use within OnMessage().
  void SetEnding(const absl::Status& status) { exchange_.SetEnding(status); }

  // Reading stops at this many frames whose replies are not sent, instead of StreamSurroundings::max_frames.
  void SetMaxUnsent(size_t frames) { exchange_.SetMaxUnsent(frames); }

  const StreamSurroundings& surroundings() const { return surroundings_; }
  Pipeline& pipeline() const { return surroundings_.pipeline; }
  absl::Time deadline() const { return deadline_; }

 private:
  void IssueRead() override;
  void IssueWrite(const ReplyPayload& reply) override;
  void IssueFinish(const absl::Status& status) override;
  std::function<void()> Waker() override;
  absl::Status GoneStatus() const;  // of a client that has gone
  void Abandon();
  void StartTimer();

  const StreamSurroundings surroundings_;
  const absl::Time deadline_;
  OrderedExchange exchange_;
  std::shared_ptr<OrderedStream> self_;  // gRPC's reference; given up in OnDone()
  grpc::ByteBuffer incoming_;            // belongs to the read under way
  grpc::Status final_status_;            // set before the end is issued, and in OnDone()
  grpc::Alarm age_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_ORDERED_STREAM_H_
