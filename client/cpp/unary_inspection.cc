#include "client/cpp/unary_inspection.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bayespfl/client/errors.h"
#include "client/cpp/random_id.h"
#include "client/cpp/reply_check.h"

namespace bayespfl::client {

using inspection::v1::InspectionService;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;

namespace {

InspectRequest WithFrameId(InspectRequest request) {
  if (request.metadata().frame_id().empty()) request.mutable_metadata()->set_frame_id(RandomId());
  return request;
}

// A server's limit is its max_image_bytes and 1 MiB for everything around the picture.
constexpr uint64_t kSmallestServerLimit = 1 << 20;
constexpr absl::Duration kLimitsPatience = absl::Seconds(5);

}  // namespace

UnaryInspection::UnaryInspection(ServerChannel& channel, InspectRequest request)
    : channel_(channel),
      request_(WithFrameId(std::move(request))),
      first_attempt_(request_.metadata().attempt()),
      picture_sha256_(PictureSha256(request_.image())) {}

absl::Status UnaryInspection::Fits(absl::Time deadline) const {
  const uint64_t bytes = request_.ByteSizeLong();
  const uint64_t server = channel_.server_message_limit();
  if (bytes <= static_cast<uint64_t>(channel_.options().max_message_bytes) && (server == 0 || bytes <= server)) {
    return absl::OkStatus();
  }
  return channel_.MessageTooLarge(absl::StrCat("the message has ", bytes, " bytes"), deadline);
}

const InspectRequest& UnaryInspection::ForAttempt(uint32_t attempt) {
  request_.mutable_metadata()->set_attempt(first_attempt_ + attempt);
  return request_;
}

absl::Status UnaryInspection::Judge(absl::Status status, const InspectResponse& response, absl::Time deadline) const {
  if (ErrorReasonOf(status) == inspection::v1::ERROR_REASON_MESSAGE_TOO_LARGE) {
    return channel_.MessageTooLarge(status.message(), deadline);
  }
  if (!status.ok()) return status;
  const std::string& id = request_.metadata().frame_id();
  if (absl::Status same = CheckFrameId(id, response.metadata().frame_id()); !same.ok()) return same;
  return CheckPicture(id, picture_sha256_, response);
}

absl::Status UnaryInspection::Once(InspectionService::Stub& stub, absl::Time deadline, uint32_t attempt,
                                   InspectResponse& response) {
  if (request_.ByteSizeLong() > kSmallestServerLimit) {
    // Known or not, the call says what is wrong: asking first spares a large message the way.
    channel_.LearnLimits(std::min(deadline, absl::Now() + kLimitsPatience)).IgnoreError();
  }
  if (absl::Status fits = Fits(deadline); !fits.ok()) return fits;
  const InspectRequest& request = ForAttempt(attempt);
  absl::StatusOr<InspectResponse> answer = channel_.Once<InspectResponse>(
      deadline,
      [&](grpc::ClientContext* context, InspectResponse* reply) { return stub.Inspect(context, request, reply); });
  const absl::Status said = answer.status();
  if (answer.ok()) response = *std::move(answer);
  return WithAttempts(Judge(said, response, deadline), attempt + 1);
}

void AsyncInspection::Start(ServerChannel& channel, InspectionService::Stub& stub, InspectRequest request,
                            InspectionClient::InspectCallback done) {
  // The constructor is private, and make_shared cannot call it.
  std::shared_ptr<AsyncInspection>(new AsyncInspection(channel, stub, std::move(request), std::move(done)))->Try();
}

AsyncInspection::AsyncInspection(ServerChannel& channel, InspectionService::Stub& stub, InspectRequest request,
                                 InspectionClient::InspectCallback done)
    : channel_(channel),
      stub_(stub),
      done_(std::move(done)),
      inspection_(channel, std::move(request)),
      start_(absl::Now()),
      deadline_(start_ + channel.options().timeout) {}

void AsyncInspection::Try() {
  if (const absl::Status fits = inspection_.Fits(deadline_); !fits.ok()) return Done(fits);
  context_.emplace();
  request_id_ = CallMetadata(channel_.options().token, *context_).request_id();
  if (deadline_ != absl::InfiniteFuture()) context_->set_deadline(absl::ToChronoTime(deadline_));
  // Nobody waits between the attempts, so gRPC 1.51 would hardly work on the connection (ServerChannel::Pause): a call
  // that waits for it makes it do so.
  context_->set_wait_for_ready(!lost_.ok());
  response_.Clear();
  stub_.async()->Inspect(&*context_, &inspection_.ForAttempt(attempt_), &response_,
                         [self = shared_from_this()](const grpc::Status& status) { self->Ended(status); });
}

// The context keeps the channel, and the caller may give up the client as soon as it is called. Whoever lets go of the
// channel last must be no thread of gRPC's: gRPC 1.51 would wait there for that very thread to end.
void AsyncInspection::Done(absl::StatusOr<InspectResponse> answer) {
  context_.reset();
  done_(std::move(answer));
}

void AsyncInspection::Ended(const grpc::Status& status) {
  const absl::Status said = WithRequestId(FromGrpcStatus(status), request_id_);
  if (said.ok() || FrameErrorIsTheServers(said)) channel_.NoteReached();
  ++attempt_;
  const absl::Status judged = WithAttempts(inspection_.Judge(said, response_, deadline_), attempt_);
  if (judged.ok()) return Done(std::move(response_));
  if (absl::IsDeadlineExceeded(said) && !FrameErrorIsTheServers(said) && !lost_.ok()) {
    return Done(Tried(lost_, attempt_ - 1, absl::Now() - start_));
  }
  lost_ = IsConnectionLost(judged) ? judged : absl::OkStatus();
  const absl::Duration delay = retry_.Delay(judged);
  const absl::Time now = absl::Now();
  if (delay < absl::ZeroDuration()) return Done(judged);
  if (now + delay >= channel_.PatienceOf(start_, deadline_)) return Done(Tried(judged, attempt_, now - start_));
  alarm_ = std::make_unique<grpc::Alarm>();
  // Moved out when it runs: the alarm keeps its function, and would keep this object alive with it.
  alarm_->Set(absl::ToChronoTime(now + delay), [self = shared_from_this()](bool /*ok*/) mutable {
    const std::shared_ptr<AsyncInspection> alive = std::move(self);
    alive->Try();
  });
}

}  // namespace bayespfl::client
