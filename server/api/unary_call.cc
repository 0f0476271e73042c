#include "server/api/unary_call.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "grpcpp/server_context.h"
#include "server/api/status.h"

namespace bayespfl::server {

UnaryCall::UnaryCall(CallRegistry& calls, absl::string_view method, grpc::CallbackServerContext& context,
                     size_t request_bytes, grpc::ByteBuffer& response)
    : calls_(calls),
      context_(context),
      call_(BeginCall(method, context)),
      client_(calls.ClientOf(context)),
      deadline_(DeadlineOf(context)),
      response_(response) {
  calls_.CallStarted();
  calls_.NoteMessage(call_, request_bytes);
}

void UnaryCall::OnDone() {
  CallRegistry& calls = calls_;
  calls.unsent().Add(-unsent_bytes_);
  if (reply_gone_) reply_gone_();
  delete this;
  calls.unsent().WakeWaiters();
  calls.CallEnded();
}

void UnaryCall::Reject(const absl::Status& status) {
  calls_.CountRejectedFrame(client_.name, status);
  End(status);
}

void UnaryCall::Fail(const absl::Status& status) {
  const absl::Status told = WithRetryDelay(status, pipeline());
  if (const std::optional<absl::Duration> delay = RetryDelayOf(told)) {
    // gRPC's own retries wait this long (its proposal A6).
    context_.AddTrailingMetadata("grpc-retry-pushback-ms",
                                 absl::StrCat(absl::ToInt64Milliseconds(absl::Ceil(*delay, absl::Milliseconds(1)))));
  }
  End(told);
}

void UnaryCall::End(const absl::Status& status) {
  reply_gone_ = calls_.RecordRequest(RecordFor(status));
  const grpc::Status grpc_status = ToGrpcStatus(status);
  calls_.CountCall(call_, grpc_status);
  Finish(grpc_status);
}

}  // namespace bayespfl::server
