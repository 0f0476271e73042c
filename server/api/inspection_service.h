// The gRPC service of the contract: takes messages apart, gives frames to the pipeline, puts answers together.
#ifndef BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
#define BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_

#include "absl/status/status.h"
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
                                        inspection::v1::InspectionService::WithCallbackMethod_ListModels<
                                            inspection::v1::InspectionService::WithCallbackMethod_GetModel<
                                                inspection::v1::InspectionService::WithCallbackMethod_GetServerInfo<
                                                    inspection::v1::InspectionService::Service>>>>> {
 public:
  // "bayespfl.inspection.v1.InspectionService", the name that health checks ask for.
  static absl::string_view FullName();

  // `info` is what GetServerInfo answers.
  InspectionService(inspection::v1::GetServerInfoResponse info, CallRegistry& calls);

  grpc::ServerUnaryReactor* Inspect(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* ListModels(grpc::CallbackServerContext* context,
                                       const inspection::v1::ListModelsRequest* request,
                                       inspection::v1::ListModelsResponse* response) override;
  grpc::ServerUnaryReactor* GetModel(grpc::CallbackServerContext* context,
                                     const inspection::v1::GetModelRequest* request,
                                     inspection::v1::GetModelResponse* response) override;
  grpc::ServerUnaryReactor* GetServerInfo(grpc::CallbackServerContext* context,
                                          const inspection::v1::GetServerInfoRequest* request,
                                          inspection::v1::GetServerInfoResponse* response) override;

 private:
  grpc::ServerUnaryReactor* Answer(absl::string_view method, grpc::CallbackServerContext& context,
                                   const absl::Status& status) const;

  const inspection::v1::GetServerInfoResponse info_;
  CallRegistry& calls_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
