// One InspectStream call.
#ifndef BAYESPFL_SERVER_API_INSPECTION_STREAM_H_
#define BAYESPFL_SERVER_API_INSPECTION_STREAM_H_

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "grpcpp/support/byte_buffer.h"
#include "server/api/ordered_stream.h"
#include "server/api/records.h"
#include "server/api/translate.h"
#include "server/pipeline/pipeline.h"

namespace bayespfl::server {

// The first message is the configuration, every other one a frame with one reply.
// Thread-safe; make it with std::make_shared.
class InspectionStream final : public OrderedStream {
 public:
  InspectionStream(StreamSurroundings surroundings, absl::Time deadline);

 private:
  void OnMessage(grpc::ByteBuffer& bytes) override;
  void OnAbandoned() override;
  void OnConfiguration(const inspection::v1::StreamConfiguration& configuration);
  void OnFrame(uint64_t sequence, const TraceContext& span,
               std::shared_ptr<inspection::v1::InspectStreamRequest> message);
  void RejectFrame(uint64_t sequence, ReceivedFrame frame, const absl::Status& status);
  std::vector<FrameId> MakeRoom(uint64_t sequence);
  void Reply(uint64_t sequence, const ReceivedFrame& frame, FrameResult result);
  std::shared_ptr<InspectionStream> Self();

  const std::shared_ptr<CancellationToken> cancellation_ = std::make_shared<CancellationToken>();
  std::optional<StreamDefaults> defaults_;         // touched by the reading side only, as is arrival_
  std::chrono::steady_clock::time_point arrival_;  // of the message that is being handled

  Mutex mu_;
  // FLOW_POLICY_LATEST: frames without an answer, by sequence; without an id until the pipeline has accepted them.
  std::map<uint64_t, std::optional<FrameId>> unanswered_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_INSPECTION_STREAM_H_
