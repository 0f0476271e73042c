// The Open Inference Protocol (KServe, version 2) as a second door to the same pipeline; docs/kserve.md.
#ifndef BAYESPFL_SERVER_API_KSERVE_SERVICE_H_
#define BAYESPFL_SERVER_API_KSERVE_SERVICE_H_

#include <functional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/api/call_registry.h"
#include "server/api/kserve_inference.h"
#include "server/api/kserve_statistics.h"
#include "server/models/model_store.h"

namespace bayespfl::server {

namespace kserve_internal {

using Rpcs = inference::GRPCInferenceService;

// What gRPC generates: ModelInfer and ModelStreamInfer see bytes, the others messages.
using Service = Rpcs::WithRawCallbackMethod_ModelInfer<Rpcs::WithRawCallbackMethod_ModelStreamInfer<
    Rpcs::WithCallbackMethod_ServerLive<Rpcs::WithCallbackMethod_ServerReady<Rpcs::WithCallbackMethod_ServerMetadata<
        Rpcs::WithCallbackMethod_ModelReady<Rpcs::WithCallbackMethod_ModelMetadata<Rpcs::WithCallbackMethod_ModelConfig<
            Rpcs::WithCallbackMethod_ModelStatistics<Rpcs::WithCallbackMethod_RepositoryIndex<Rpcs::Service>>>>>>>>>>;

}  // namespace kserve_internal

struct KserveOptions {
  std::string server_version;
  // What the store knows; called when the service is. RepositoryIndex answers with it.
  std::function<std::vector<ModelStatus>()> list_models;
};

// ModelInfer and ModelStreamInfer take their messages as bytes (wire.h), so that a damaged one gets INVALID_ARGUMENT.
// Each picture of a request is a frame of the pipeline, under the same limits as those of InspectionService.
//
// Thread-safe. The service and its registry outlive the gRPC server.
class KserveService final : public kserve_internal::Service {
 public:
  // "inference.GRPCInferenceService", the name that health checks ask for.
  static absl::string_view FullName();

  KserveService(KserveOptions options, CallRegistry& calls);

  grpc::ServerUnaryReactor* ServerLive(grpc::CallbackServerContext* context,
                                       const inference::ServerLiveRequest* request,
                                       inference::ServerLiveResponse* response) override;
  grpc::ServerUnaryReactor* ServerReady(grpc::CallbackServerContext* context,
                                        const inference::ServerReadyRequest* request,
                                        inference::ServerReadyResponse* response) override;
  grpc::ServerUnaryReactor* ServerMetadata(grpc::CallbackServerContext* context,
                                           const inference::ServerMetadataRequest* request,
                                           inference::ServerMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelReady(grpc::CallbackServerContext* context,
                                       const inference::ModelReadyRequest* request,
                                       inference::ModelReadyResponse* response) override;
  grpc::ServerUnaryReactor* ModelMetadata(grpc::CallbackServerContext* context,
                                          const inference::ModelMetadataRequest* request,
                                          inference::ModelMetadataResponse* response) override;
  grpc::ServerUnaryReactor* ModelConfig(grpc::CallbackServerContext* context,
                                        const inference::ModelConfigRequest* request,
                                        inference::ModelConfigResponse* response) override;
  grpc::ServerUnaryReactor* ModelStatistics(grpc::CallbackServerContext* context,
                                            const inference::ModelStatisticsRequest* request,
                                            inference::ModelStatisticsResponse* response) override;
  grpc::ServerUnaryReactor* RepositoryIndex(grpc::CallbackServerContext* context,
                                            const inference::RepositoryIndexRequest* request,
                                            inference::RepositoryIndexResponse* response) override;
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ModelStreamInfer(
      grpc::CallbackServerContext* context) override;

 private:
  grpc::ServerUnaryReactor* Answer(absl::string_view method, const absl::Status& status,
                                   grpc::CallbackServerContext& context) const;

  const KserveOptions options_;
  CallRegistry& calls_;
  KserveStatistics statistics_;
  const KserveBackend backend_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_SERVICE_H_
