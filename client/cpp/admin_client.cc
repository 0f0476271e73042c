#include "client/cpp/admin_client.h"

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

absl::StatusOr<std::unique_ptr<AdminClient>> AdminClient::Create(const ClientOptions& options) {
  absl::StatusOr<ServerChannel> channel = ServerChannel::Create(options);
  if (!channel.ok()) return channel.status();
  return absl::WrapUnique(new AdminClient(*std::move(channel)));
}

AdminClient::AdminClient(ServerChannel channel)
    : channel_(std::make_unique<ServerChannel>(std::move(channel))),
      stub_(ModelAdminService::NewStub(channel_->channel())) {}

AdminClient::~AdminClient() = default;

const std::string& AdminClient::target() const { return channel_->options().target; }

absl::StatusOr<std::vector<Model>> AdminClient::ListModels() const {
  const auto response =
      channel_->Unary<ListModelsResponse>([&](grpc::ClientContext* context, ListModelsResponse* answer) {
        return stub_->ListModels(context, ListModelsRequest(), answer);
      });
  if (!response.ok()) return response.status();
  return std::vector<Model>(response->models().begin(), response->models().end());
}

absl::StatusOr<Model> AdminClient::LoadModel(const std::string& name) const {
  LoadModelRequest request;
  request.set_name(name);
  auto response = channel_->Unary<LoadModelResponse>([&](grpc::ClientContext* context, LoadModelResponse* answer) {
    return stub_->LoadModel(context, request, answer);
  });
  if (!response.ok()) return response.status();
  return std::move(*response->mutable_model());
}

absl::Status AdminClient::UnloadModel(const std::string& name) const {
  UnloadModelRequest request;
  request.set_name(name);
  return channel_
      ->Unary<UnloadModelResponse>([&](grpc::ClientContext* context, UnloadModelResponse* answer) {
        return stub_->UnloadModel(context, request, answer);
      })
      .status();
}

absl::Status AdminClient::SetDefaultModel(const std::string& name) const {
  SetDefaultModelRequest request;
  request.set_name(name);
  return channel_
      ->Unary<SetDefaultModelResponse>([&](grpc::ClientContext* context, SetDefaultModelResponse* answer) {
        return stub_->SetDefaultModel(context, request, answer);
      })
      .status();
}

}  // namespace bayespfl::client
