#include "client/cpp/inspection_client.h"

#include <utility>

#include "absl/memory/memory.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "client/cpp/server_channel.h"
#include "client/cpp/stream_call.h"
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

}  // namespace

absl::StatusOr<std::unique_ptr<InspectionClient>> InspectionClient::Create(const ClientOptions& options) {
  absl::StatusOr<ServerChannel> channel = ServerChannel::Create(options);
  if (!channel.ok()) return channel.status();
  return absl::WrapUnique(new InspectionClient(*std::move(channel)));
}

InspectionClient::InspectionClient(ServerChannel channel)
    : channel_(std::make_unique<ServerChannel>(std::move(channel))),
      inspection_(InspectionService::NewStub(channel_->channel())) {}

InspectionClient::~InspectionClient() = default;

const std::string& InspectionClient::target() const { return channel_->options().target; }

absl::StatusOr<InspectResponse> InspectionClient::Inspect(const InspectRequest& request) const {
  return channel_->Unary<InspectResponse>([&](grpc::ClientContext* context, InspectResponse* response) {
    return inspection_->Inspect(context, request, response);
  });
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
  const auto stub = grpc::health::v1::Health::NewStub(channel_->channel());
  const auto response = channel_->Unary<HealthCheckResponse>(
      [&](grpc::ClientContext* context, HealthCheckResponse* answer) { return stub->Check(context, request, answer); });
  if (!response.ok()) return response.status();
  return StateOf(response->status());
}

absl::Status InspectionClient::InspectStream(const InspectOptions& inspect_options, const StreamOptions& options,
                                             const FrameSource& source, const ReplySink& sink) const {
  if (options.max_in_flight < 1) return absl::InvalidArgumentError("max_in_flight must be at least 1");
  if (options.stall_timeout <= absl::ZeroDuration()) {
    return absl::InvalidArgumentError("stall_timeout must be positive");
  }
  channel_->AwaitConnection(absl::Now() + options.stall_timeout);
  StreamCall call(options, channel_->options().token);
  call.Start(*inspection_, inspect_options);
  bool more = true;  // the source may have another frame
  for (;;) {
    StreamCall::Event event = call.Wait(more);
    switch (event.kind) {
      case StreamCall::Event::Kind::kReply:
        if (event.reply.has_value()) sink(std::move(*event.reply));
        break;
      case StreamCall::Event::Kind::kRoom:
        if (std::optional<OutgoingFrame> frame = source(); frame.has_value()) {
          call.Send(*std::move(frame));
        } else {
          more = false;
          call.SendDone();
        }
        break;
      case StreamCall::Event::Kind::kStalled:
        return call.Finish(absl::DeadlineExceededError(
            absl::StrCat("the server sent no reply for ", absl::FormatDuration(options.stall_timeout))));
      case StreamCall::Event::Kind::kEnded: {
        const absl::Status status = call.Finish(absl::OkStatus());
        if (!status.ok() || !more) return status;
        return absl::InternalError("the server ended the stream before the last frame was sent");
      }
    }
  }
}

}  // namespace bayespfl::client
