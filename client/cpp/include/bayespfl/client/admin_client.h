// Client of a server's administration port (its setting `admin_port`): changes its models, its log level and whether it
// takes work, while it runs.
//
//   absl::StatusOr<std::unique_ptr<AdminClient>> admin = AdminClient::Create({.target = "gpu:50052"});
//   if (!admin.ok()) return admin.status();
//   absl::StatusOr<admin::v1::Model> model = (*admin)->LoadModel("line-a");
//
// Errors are those of the contract (bayespfl/admin/v1/model_admin.proto, server_admin.proto), as absl::Status; errors.h
// reads them.
#ifndef BAYESPFL_CLIENT_ADMIN_CLIENT_H_
#define BAYESPFL_CLIENT_ADMIN_CLIENT_H_

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bayespfl/admin/v1/model_admin.grpc.pb.h"
#include "bayespfl/admin/v1/server_admin.grpc.pb.h"
#include "bayespfl/client/client_options.h"

namespace bayespfl::client {

class ServerChannel;

// Thread-safe. A call returns when its change is in force; one that is given up on (options' timeout) may still come
// into force.
class AdminClient final {
 public:
  // Does not connect yet: the first call does. INVALID_ARGUMENT as InspectionClient::Create.
  static absl::StatusOr<std::unique_ptr<AdminClient>> Create(const ClientOptions& options);

  ~AdminClient();
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  // The models that serve, that are being loaded, and those whose last load failed; by name.
  absl::StatusOr<std::vector<admin::v1::Model>> ListModels() const;

  // Loads the package of that name below the server's model_root, and lets it serve.
  absl::StatusOr<admin::v1::Model> LoadModel(const std::string& name) const;

  // Takes a model out of service.
  absl::Status UnloadModel(const std::string& name) const;

  // Lets a model answer the requests that name none.
  absl::Status SetDefaultModel(const std::string& name) const;

  // The lowest level of the lines in the server's log.
  absl::StatusOr<admin::v1::LogLevel> GetLogLevel() const;

  // Changes it to "debug", "info", "warning" or "error"; "": to the configured one, which comes back by itself after
  // `duration`, if one is given.
  absl::StatusOr<admin::v1::LogLevel> SetLogLevel(const std::string& level,
                                                  std::optional<absl::Duration> duration = std::nullopt) const;

  // Takes the server out of service without ending it, and says how far that is; returns at once.
  absl::StatusOr<admin::v1::DrainResponse> Drain() const;

  // Every setting with where its value came from, the models, certificate and tokens.
  absl::StatusOr<admin::v1::GetConfigurationResponse> GetConfiguration() const;

  const std::string& target() const;

 private:
  explicit AdminClient(std::unique_ptr<ServerChannel> channel);

  const std::unique_ptr<ServerChannel> channel_;
  std::unique_ptr<admin::v1::ModelAdminService::Stub> stub_;
  std::unique_ptr<admin::v1::ServerAdminService::Stub> server_stub_;
};

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_ADMIN_CLIENT_H_
