// The gRPC service of the contract: takes messages apart, gives frames to the pipeline, puts answers together.
#ifndef BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
#define BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/call_registry.h"

namespace bayespfl::server {

// Inspect and InspectStream take their messages as bytes (wire.h), so that a damaged one gets INVALID_ARGUMENT.
//
// Thread-safe. The service and its registry outlive the gRPC server.
class InspectionService final : public inspection::v1::InspectionService::WithRawCallbackMethod_Inspect<
                                    inspection::v1::InspectionService::WithRawCallbackMethod_InspectStream<
                                        inspection::v1::InspectionService::WithCallbackMethod_GetModelInfo<
                                            inspection::v1::InspectionService::Service>>> {
 public:
  // "bayespfl.inspection.v1.InspectionService", the name that health checks ask for.
  static absl::string_view FullName();

  InspectionService(std::string server_version, CallRegistry& calls);

  grpc::ServerUnaryReactor* Inspect(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetModelInfo(grpc::CallbackServerContext* context,
                                         const inspection::v1::GetModelInfoRequest* request,
                                         inspection::v1::GetModelInfoResponse* response) override;

 private:
  const std::string server_version_;
  CallRegistry& calls_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
