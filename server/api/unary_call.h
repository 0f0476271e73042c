// One unary call that takes frames: from its bytes to its status.
#ifndef BAYESPFL_SERVER_API_UNARY_CALL_H_
#define BAYESPFL_SERVER_API_UNARY_CALL_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/call_client.h"
#include "server/api/call_registry.h"
#include "server/api/wire.h"
#include "server/pipeline/frame.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// The bytes of a unary call's request, for whoever consumes them. gRPC keeps them until the call ends, and would hold
// every picture a second time, beside what was parsed of it; it does not look at them again.
inline grpc::ByteBuffer& RequestBytes(const grpc::ByteBuffer& request) {
  return const_cast<grpc::ByteBuffer&>(request);
}

// gRPC calls OnDone() only after Finish(), and a call ends exactly once, by Reject(), Fail() or Succeed(): from the
// pipeline's callback when frames were accepted. So the object outlives its frames. It deletes itself, and may be gone
// when one of the three returns.
class UnaryCall : public grpc::ServerUnaryReactor {
 public:
  void OnCancel() final { pipeline().Cancel(*cancellation_); }
  void OnDone() final;

 protected:
  // `method` comes from a fixed set; the request has `request_bytes`; `response` is gRPC's, empty.
  UnaryCall(CallRegistry& calls, absl::string_view method, grpc::CallbackServerContext& context, size_t request_bytes,
            grpc::ByteBuffer& response);
  ~UnaryCall() override = default;

  // The record of the call's frames when it ends with `status`; asked for once. What it refers to lives as long as the
  // call, or until Succeed() returns.
  virtual RequestRecord RecordFor(const absl::Status& status) const = 0;

  // Ends the call: validation turned the request down.
  void Reject(const absl::Status& status);

  // Ends the call: the pipeline refused a frame or could not answer it.
  void Fail(const absl::Status& status);

  // Ends the call with a reply, or with an error when it cannot be sent.
  template <typename Message>
  void Succeed(const Message& message) {
    absl::StatusOr<grpc::ByteBuffer> bytes = SerializeReply(message, calls_.max_reply_bytes(), calls_.unsent());
    if (!bytes.ok()) return Fail(bytes.status());
    response_.Swap(&*bytes);
    unsent_bytes_ = static_cast<int64_t>(response_.Length());
    calls_.unsent().Add(unsent_bytes_);
    End(absl::OkStatus());
  }

  Pipeline& pipeline() const { return calls_.pipeline(); }
  const CallRegistry& calls() const { return calls_; }
  const CallRecord& call() const { return call_; }
  absl::Time deadline() const { return deadline_; }
  const CallClient& client() const { return client_; }
  const std::shared_ptr<CancellationToken>& cancellation() const { return cancellation_; }

 private:
  void End(const absl::Status& status);

  CallRegistry& calls_;
  grpc::CallbackServerContext& context_;
  const CallRecord call_;
  const CallClient client_;
  const absl::Time deadline_;
  grpc::ByteBuffer& response_;
  int64_t unsent_bytes_ = 0;  // of `response_`, until gRPC is done with it
  ReplyGone reply_gone_;
  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_UNARY_CALL_H_
