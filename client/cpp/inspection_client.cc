#include "bayespfl/client/inspection_client.h"

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/memory/memory.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/cpp/reliable_stream.h"
#include "client/cpp/server_channel.h"
#include "client/cpp/unary_inspection.h"
#include "grpc/health/v1/health.grpc.pb.h"

namespace bayespfl::client {
namespace {

using grpc::health::v1::HealthCheckRequest;
using grpc::health::v1::HealthCheckResponse;
using inspection::v1::GetModelRequest;
using inspection::v1::GetModelResponse;
using inspection::v1::GetServerInfoRequest;
using inspection::v1::GetServerInfoResponse;
using inspection::v1::InspectionService;
using inspection::v1::InspectOptions;
using inspection::v1::InspectRequest;
using inspection::v1::InspectResponse;
using inspection::v1::ListModelsRequest;
using inspection::v1::ListModelsResponse;
using inspection::v1::Model;

HealthState StateOf(HealthCheckResponse::ServingStatus status) {
  switch (status) {
    case HealthCheckResponse::SERVING:
      return HealthState::kServing;
    case HealthCheckResponse::NOT_SERVING:
      return HealthState::kNotServing;
    default:
      return HealthState::kUnknown;
  }
}

// How long a connection may take before a server's health counts as unreachable.
constexpr absl::Duration kHealthPatience = absl::Seconds(1);

// Replies on their way from the stream's thread to the caller's.
class ReplyQueue final {
 public:
  void Add(StreamReply reply) {
    absl::MutexLock lock(&mu_);
    replies_.push_back(std::move(reply));
  }
  void End(const absl::Status& status) {
    absl::MutexLock lock(&mu_);
    end_ = status;
  }

  // The oldest reply; `wait`: unless the stream has ended, waits for one.
  std::optional<StreamReply> Take(bool wait) {
    absl::MutexLock lock(&mu_);
    if (wait) mu_.Await(absl::Condition(this, &ReplyQueue::HasNews));
    if (replies_.empty()) return std::nullopt;
    std::optional<StreamReply> reply = std::move(replies_.front());
    replies_.pop_front();
    return reply;
  }

  // How the stream ended, once it has and its replies are taken.
  std::optional<absl::Status> end() const {
    absl::MutexLock lock(&mu_);
    return replies_.empty() ? end_ : std::nullopt;
  }

 private:
  bool HasNews() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !replies_.empty() || end_.has_value(); }

  mutable absl::Mutex mu_;
  std::deque<StreamReply> replies_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionClient>> InspectionClient::Create(const ClientOptions& options) {
  absl::StatusOr<std::unique_ptr<ServerChannel>> channel = ServerChannel::Create(options, Health::kChecked);
  if (!channel.ok()) return channel.status();
  return absl::WrapUnique(new InspectionClient(*std::move(channel)));
}

InspectionClient::InspectionClient(std::unique_ptr<ServerChannel> channel)
    : channel_(std::move(channel)), inspection_(InspectionService::NewStub(channel_->channel())) {}

InspectionClient::~InspectionClient() = default;

const std::string& InspectionClient::target() const { return channel_->options().target; }

absl::StatusOr<InspectResponse> InspectionClient::Inspect(InspectRequest request) const {
  UnaryInspection inspection(*channel_, std::move(request));
  InspectResponse response;
  const absl::Status status = channel_->Repeat(
      [&](absl::Time deadline, uint32_t attempt) { return inspection.Once(*inspection_, deadline, attempt, response); },
      [](const absl::Status&) { return true; });
  if (!status.ok()) return status;
  return response;
}

void InspectionClient::InspectAsync(InspectRequest request, InspectCallback done) const {
  AsyncInspection::Start(*channel_, *inspection_, std::move(request), std::move(done));
}

absl::StatusOr<std::vector<Model>> InspectionClient::ListModels() const {
  const auto response =
      channel_->Unary<ListModelsResponse>([&](grpc::ClientContext* context, ListModelsResponse* answer) {
        return inspection_->ListModels(context, ListModelsRequest(), answer);
      });
  if (!response.ok()) return response.status();
  return std::vector<Model>(response->models().begin(), response->models().end());
}

absl::StatusOr<Model> InspectionClient::GetModel(const std::string& name) const {
  GetModelRequest request;
  request.set_name(name);
  auto response = channel_->Unary<GetModelResponse>([&](grpc::ClientContext* context, GetModelResponse* answer) {
    return inspection_->GetModel(context, request, answer);
  });
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_model());
}

absl::StatusOr<GetServerInfoResponse> InspectionClient::GetServerInfo() const {
  return channel_->Unary<GetServerInfoResponse>([&](grpc::ClientContext* context, GetServerInfoResponse* answer) {
    return inspection_->GetServerInfo(context, GetServerInfoRequest(), answer);
  });
}

absl::StatusOr<HealthState> InspectionClient::Health(const std::string& service) const {
  HealthCheckRequest request;
  request.set_service(service);
  // One attempt, over a channel that takes servers as they are: a server that says "not serving" is what is asked for.
  const std::shared_ptr<grpc::Channel> channel = channel_->UncheckedChannel();
  const absl::Time deadline = absl::Now() + channel_->options().timeout;
  channel->WaitForConnected(absl::ToChronoTime(std::min(deadline, absl::Now() + kHealthPatience)));
  const auto stub = grpc::health::v1::Health::NewStub(channel);
  const auto response = channel_->Once<HealthCheckResponse>(
      deadline,
      [&](grpc::ClientContext* context, HealthCheckResponse* answer) { return stub->Check(context, request, answer); });
  if (!response.ok()) return response.status();
  return StateOf(response->status());
}

absl::StatusOr<std::unique_ptr<FrameStream>> InspectionClient::OpenStream(const InspectOptions& inspect_options,
                                                                          const StreamOptions& options,
                                                                          FrameStream::ReplyCallback on_reply,
                                                                          FrameStream::EndCallback on_end) const {
  if (options.max_in_flight < 1) return absl::InvalidArgumentError("max_in_flight must be at least 1");
  if (options.frame_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("frame_timeout must be positive");
  }
  return std::make_unique<ReliableStream>(*channel_, *inspection_, inspect_options, options, std::move(on_reply),
                                          std::move(on_end));
}

absl::Status InspectionClient::InspectStream(const InspectOptions& inspect_options, const StreamOptions& options,
                                             const FrameSource& source, const ReplySink& sink) const {
  ReplyQueue queue;
  const absl::StatusOr<std::unique_ptr<FrameStream>> stream = OpenStream(
      inspect_options, options, [&queue](StreamReply reply) { queue.Add(std::move(reply)); },
      [&queue](const absl::Status& status) { queue.End(status); });
  if (!stream.ok()) return stream.status();
  size_t in_flight = 0;
  bool more = true;  // the source may have another frame
  for (;;) {
    const bool room = more && in_flight < options.max_in_flight;
    if (std::optional<StreamReply> reply = queue.Take(!room); reply.has_value()) {
      --in_flight;
      sink(*std::move(reply));
    } else if (const std::optional<absl::Status> end = queue.end(); end.has_value()) {
      return *end;
    } else if (std::optional<OutgoingFrame> frame = source(); frame.has_value()) {
      // An error is the stream's, and comes out of the queue after the replies before it.
      if ((*stream)->Send(*std::move(frame)).ok()) ++in_flight;
    } else {
      more = false;
      (*stream)->CloseSends();
    }
  }
}

}  // namespace bayespfl::client
