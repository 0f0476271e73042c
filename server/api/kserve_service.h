// The Open Inference Protocol (KServe, version 2) as a second door to the same pipeline; docs/kserve.md.
#ifndef BAYESPFL_SERVER_API_KSERVE_SERVICE_H_
#define BAYESPFL_SERVER_API_KSERVE_SERVICE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "inference/grpc_service.grpc.pb.h"
#include "server/api/call_registry.h"

namespace bayespfl::server {

namespace kserve_internal {

using Rpcs = inference::GRPCInferenceService;

// What gRPC generates: ModelInfer and ModelStreamInfer see bytes, the others messages.
using Service = Rpcs::WithRawCallbackMethod_ModelInfer<Rpcs::WithRawCallbackMethod_ModelStreamInfer<
    Rpcs::WithCallbackMethod_ServerLive<Rpcs::WithCallbackMethod_ServerReady<Rpcs::WithCallbackMethod_ServerMetadata<
        Rpcs::WithCallbackMethod_ModelReady<Rpcs::WithCallbackMethod_ModelMetadata<Rpcs::Service>>>>>>>;

}  // namespace kserve_internal

// ModelInfer and ModelStreamInfer take their messages as bytes (wire.h), so that a damaged one gets INVALID_ARGUMENT.
// Each picture of a request is a frame of the pipeline, under the same limits as those of InspectionService.
//
// Thread-safe. The service and its registry outlive the gRPC server.
class KserveService final : public kserve_internal::Service {
 public:
  // "inference.GRPCInferenceService", the name that health checks ask for.
  static absl::string_view FullName();

  KserveService(std::string server_version, CallRegistry& calls);

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
  grpc::ServerUnaryReactor* ModelInfer(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                       grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* ModelStreamInfer(
      grpc::CallbackServerContext* context) override;

 private:
  grpc::ServerUnaryReactor* Answer(absl::string_view method, const absl::Status& status,
                                   grpc::CallbackServerContext& context) const;

  const std::string server_version_;
  CallRegistry& calls_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_SERVICE_H_
