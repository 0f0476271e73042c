#include "bayespfl/client/admin_client.h"

#include <utility>

#include "absl/memory/memory.h"
#include "client/cpp/server_channel.h"

namespace bayespfl::client {

using admin::v1::DrainRequest;
using admin::v1::DrainResponse;
using admin::v1::GetConfigurationRequest;
using admin::v1::GetConfigurationResponse;
using admin::v1::GetLogLevelRequest;
using admin::v1::GetLogLevelResponse;
using admin::v1::ListModelsRequest;
using admin::v1::ListModelsResponse;
using admin::v1::LoadModelRequest;
using admin::v1::LoadModelResponse;
using admin::v1::LogLevel;
using admin::v1::Model;
using admin::v1::ModelAdminService;
using admin::v1::ServerAdminService;
using admin::v1::SetDefaultModelRequest;
using admin::v1::SetDefaultModelResponse;
using admin::v1::SetLogLevelRequest;
using admin::v1::SetLogLevelResponse;
using admin::v1::UnloadModelRequest;
using admin::v1::UnloadModelResponse;

namespace {

// One attempt: nobody but the caller knows whether a change that got no answer is to be made again.
template <typename Response, typename Call>
absl::StatusOr<Response> Once(ServerChannel& channel, const Call& call) {
  const absl::Time deadline = absl::Now() + channel.options().timeout;
  channel.AwaitConnection(deadline);
  return channel.Once<Response>(deadline, call);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AdminClient>> AdminClient::Create(const ClientOptions& options) {
  // A server without a model is not healthy, and is to be given one.
  absl::StatusOr<std::unique_ptr<ServerChannel>> channel = ServerChannel::Create(options, Health::kIgnored);
  if (!channel.ok()) return channel.status();
  return absl::WrapUnique(new AdminClient(*std::move(channel)));
}

AdminClient::AdminClient(std::unique_ptr<ServerChannel> channel)
    : channel_(std::move(channel)),
      stub_(ModelAdminService::NewStub(channel_->channel())),
      server_stub_(ServerAdminService::NewStub(channel_->channel())) {}

AdminClient::~AdminClient() = default;

const std::string& AdminClient::target() const { return channel_->options().target; }

absl::StatusOr<std::vector<Model>> AdminClient::ListModels() const {
  const auto response =
      Once<ListModelsResponse>(*channel_, [&](grpc::ClientContext* context, ListModelsResponse* answer) {
        return stub_->ListModels(context, ListModelsRequest(), answer);
      });
  if (!response.ok()) return response.status();
  return std::vector<Model>(response->models().begin(), response->models().end());
}

absl::StatusOr<Model> AdminClient::LoadModel(const std::string& name) const {
  LoadModelRequest request;
  request.set_name(name);
  auto response = Once<LoadModelResponse>(*channel_, [&](grpc::ClientContext* context, LoadModelResponse* answer) {
    return stub_->LoadModel(context, request, answer);
  });
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_model());
}

absl::Status AdminClient::UnloadModel(const std::string& name) const {
  UnloadModelRequest request;
  request.set_name(name);
  return Once<UnloadModelResponse>(*channel_,
                                   [&](grpc::ClientContext* context, UnloadModelResponse* answer) {
                                     return stub_->UnloadModel(context, request, answer);
                                   })
      .status();
}

absl::Status AdminClient::SetDefaultModel(const std::string& name) const {
  SetDefaultModelRequest request;
  request.set_name(name);
  return Once<SetDefaultModelResponse>(*channel_,
                                       [&](grpc::ClientContext* context, SetDefaultModelResponse* answer) {
                                         return stub_->SetDefaultModel(context, request, answer);
                                       })
      .status();
}

absl::StatusOr<LogLevel> AdminClient::GetLogLevel() const {
  auto response = Once<GetLogLevelResponse>(*channel_, [&](grpc::ClientContext* context, GetLogLevelResponse* answer) {
    return server_stub_->GetLogLevel(context, GetLogLevelRequest(), answer);
  });
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_log_level());
}

absl::StatusOr<LogLevel> AdminClient::SetLogLevel(const std::string& level,
                                                  std::optional<absl::Duration> duration) const {
  SetLogLevelRequest request;
  request.set_level(level);
  if (duration.has_value()) {
    absl::Duration rest;
    request.mutable_duration()->set_seconds(absl::IDivDuration(*duration, absl::Seconds(1), &rest));
    request.mutable_duration()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  }
  auto response = Once<SetLogLevelResponse>(*channel_, [&](grpc::ClientContext* context, SetLogLevelResponse* answer) {
    return server_stub_->SetLogLevel(context, request, answer);
  });
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_log_level());
}

absl::StatusOr<DrainResponse> AdminClient::Drain() const {
  return Once<DrainResponse>(*channel_, [&](grpc::ClientContext* context, DrainResponse* answer) {
    return server_stub_->Drain(context, DrainRequest(), answer);
  });
}

absl::StatusOr<GetConfigurationResponse> AdminClient::GetConfiguration() const {
  return Once<GetConfigurationResponse>(*channel_, [&](grpc::ClientContext* context, GetConfigurationResponse* answer) {
    return server_stub_->GetConfiguration(context, GetConfigurationRequest(), answer);
  });
}

}  // namespace bayespfl::client
