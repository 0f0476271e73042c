// The gRPC service of the contract: takes messages apart, gives frames to the pipeline, puts answers together.
#ifndef BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
#define BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "grpcpp/support/server_callback.h"
#include "server/api/inspection_stream.h"
#include "server/pipeline/mutex.h"
#include "server/pipeline/pipeline.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

struct ServiceOptions {
  int max_frames_per_stream = 4;  // >= 1; frames of one stream that are read and not answered; then reading stops, and
                                  // HTTP/2's flow control holds the client up
  int max_streams = 256;          // >= 1; more are refused
  absl::Duration max_stream_age;  // give or take a tenth; then a stream is ended. 0: never
  std::string server_version;

  // Called once for every call that reached the service, with the code it ended with. Calls that gRPC itself refuses (a
  // message over the transport limit, an unknown method) are not seen. May be empty.
  std::function<void(const CallRecord& call, const grpc::Status& status)> on_call_finished;

  // Called for every frame that validation turned down before it reached the pipeline. May be empty.
  std::function<void(const absl::Status& status)> on_frame_rejected;

  // Called once for every frame of every call, just before its answer leaves. May be empty.
  std::function<void(const FrameRecord& frame)> on_frame_answered;
};

// Inspect and InspectStream take their messages as bytes (wire.h), so that a damaged one gets INVALID_ARGUMENT.
//
// Thread-safe. The service and its pipeline outlive the gRPC server.
class InspectionService final : public inspection::v1::InspectionService::WithRawCallbackMethod_Inspect<
                                    inspection::v1::InspectionService::WithRawCallbackMethod_InspectStream<
                                        inspection::v1::InspectionService::WithCallbackMethod_GetModelInfo<
                                            inspection::v1::InspectionService::Service>>> {
 public:
  // "bayespfl.inspection.v1.InspectionService", the name that health checks ask for.
  static absl::string_view FullName();

  InspectionService(ServiceOptions options, Pipeline& pipeline);
  ~InspectionService() override;

  // Ends every open stream: no more frames are read, those read are answered, then the stream ends with UNAVAILABLE.
  // Call Pipeline::Drain() first, so that no new stream opens. Returns at once.
  void Drain();

  // Waits until no Inspect and no InspectStream call is open, their last bytes handed to gRPC. False: `deadline` passed
  // before.
  bool WaitUntilIdle(std::chrono::steady_clock::time_point deadline);

  grpc::ServerUnaryReactor* Inspect(grpc::CallbackServerContext* context, const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* InspectStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* GetModelInfo(grpc::CallbackServerContext* context,
                                         const inspection::v1::GetModelInfoRequest* request,
                                         inspection::v1::GetModelInfoResponse* response) override;

 private:
  class UnaryCall;

  absl::Status Register(uint64_t id, const std::shared_ptr<InspectionStream>& stream);
  void Unregister(uint64_t id);
  std::optional<absl::Duration> StreamAge() const;
  void CallStarted();
  void CallEnded();
  void CountCall(const CallRecord& call, const grpc::Status& status) const;
  void CountRejectedFrame(const absl::Status& status) const;
  void RecordFrame(const FrameRecord& frame) const;

  const ServiceOptions options_;
  Pipeline& pipeline_;
  Mutex mu_;
  CondVar idle_;
  int open_calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<uint64_t, std::weak_ptr<InspectionStream>> streams_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t> next_stream_{0};
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_INSPECTION_SERVICE_H_
