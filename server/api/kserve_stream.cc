#include "server/api/kserve_stream.h"

#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/api/kserve_inference.h"
#include "server/api/kserve_translate.h"
#include "server/api/status.h"
#include "server/api/wire.h"

namespace bayespfl::server {
namespace {

// Takes the message of `result`, and leaves the rest of it.
inference::ModelStreamInferResponse MakeReply(const std::string& id, absl::StatusOr<InferenceReply>& result) {
  inference::ModelStreamInferResponse message;
  if (result.ok()) {
    *message.mutable_infer_response() = std::move(result->message);
  } else {
    const absl::string_view code = CodeName(static_cast<grpc::StatusCode>(result.status().code()));
    message.set_error_message(absl::StrCat(code, ": ", WireMessage(result.status().message())));
    message.mutable_infer_response()->set_id(id);
  }
  const std::string last = "triton_final_response";
  (*message.mutable_infer_response()->mutable_parameters())[last].set_bool_param(true);
  return message;
}

}  // namespace

KserveStream::KserveStream(StreamSurroundings surroundings, absl::Time deadline, const KserveBackend& backend)
    : OrderedStream(std::move(surroundings), deadline), backend_(backend) {}

void KserveStream::OnAbandoned() {
  std::vector<std::shared_ptr<CancellationToken>> tokens;
  {
    MutexLock lock(mu_);
    abandoned_ = true;
    for (const auto& [sequence, token] : unanswered_) tokens.push_back(token);
  }
  for (const std::shared_ptr<CancellationToken>& token : tokens) pipeline().Cancel(*token);
}

void KserveStream::OnMessage(grpc::ByteBuffer& bytes) {
  ReceivedFrame received{.metadata = {},
                         .category = {},
                         .arrival = std::chrono::steady_clock::now(),
                         .span = ChildOf(surroundings().call->trace)};
  auto request = std::make_shared<inference::ModelInferRequest>();
  const absl::Status parsed = ParseMessage(bytes, *request);
  if (!parsed.ok()) return Reject(received, parsed);
  // An id over the limit is not sent back: it may be as large as a picture.
  if (request->id().size() <= kMaxInferenceIdBytes) received.metadata.set_frame_id(request->id());
  absl::StatusOr<Inference> inference =
      PrepareInference(backend_, request, surroundings().client, received.arrival, deadline());
  if (!inference.ok()) return Reject(received, inference.status());
  request.reset();  // the frames own what they need
  const std::optional<uint64_t> sequence = AddSlot(inference->frames.size());
  if (!sequence.has_value()) return;
  const std::shared_ptr<CancellationToken> token = AddToken(*sequence);
  Timelines timelines = AddTimelines(surroundings().new_timeline, *inference);
  auto self = std::static_pointer_cast<KserveStream>(shared_from_this());
  RunInference(backend_, *std::move(inference), token,
               [self = std::move(self), sequence = *sequence, received,
                timelines = std::move(timelines)](absl::StatusOr<InferenceReply> result) {
                 self->Reply(sequence, received, timelines, std::move(result));
                 self->Advance();
               });
}

// A token of the request alone, so that its first error cancels the rest of it and nothing else.
std::shared_ptr<CancellationToken> KserveStream::AddToken(uint64_t sequence) {
  auto token = std::make_shared<CancellationToken>();
  MutexLock lock(mu_);
  if (abandoned_) token->Cancel();
  unanswered_.emplace(sequence, token);
  return token;
}

void KserveStream::Reject(const ReceivedFrame& request, const absl::Status& status) {
  surroundings().on_frame_rejected(status);
  const std::optional<uint64_t> sequence = AddSlot();
  if (sequence.has_value()) Reply(*sequence, request, /*timelines=*/{}, status);
}

void KserveStream::Reply(uint64_t sequence, const ReceivedFrame& request, const Timelines& timelines,
                         absl::StatusOr<InferenceReply> result) {
  // An error is small; were it not, there would be no other way to say so.
  const bool ok = result.ok();
  const inference::ModelStreamInferResponse message = MakeReply(request.metadata.frame_id(), result);
  const absl::StatusOr<grpc::ByteBuffer> bytes =
      ok ? SerializeReply(message, surroundings().max_reply_bytes, surroundings().unsent) : SerializeMessage(message);
  if (!bytes.ok()) return Reply(sequence, request, timelines, WithRetryDelay(bytes.status(), pipeline()));
  ReplyGone gone = surroundings().on_request_answered(RequestOf(*surroundings().call, request, timelines, result));
  {
    MutexLock lock(mu_);
    unanswered_.erase(sequence);
  }
  FillSlot(sequence, *bytes, std::move(gone));
}

}  // namespace bayespfl::server
