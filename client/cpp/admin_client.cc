#include "bayespfl/client/admin_client.h"

#include <utility>

#include "absl/memory/memory.h"
#include "client/cpp/server_channel.h"

namespace bayespfl::client {

using admin::v1::ListModelsRequest;
using admin::v1::ListModelsResponse;
using admin::v1::LoadModelRequest;
using admin::v1::LoadModelResponse;
using admin::v1::Model;
using admin::v1::ModelAdminService;
using admin::v1::SetDefaultModelRequest;
using admin::v1::SetDefaultModelResponse;
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
    : channel_(std::move(channel)), stub_(ModelAdminService::NewStub(channel_->channel())) {}

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

}  // namespace bayespfl::client
