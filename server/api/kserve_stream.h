// One ModelStreamInfer call.
#ifndef BAYESPFL_SERVER_API_KSERVE_STREAM_H_
#define BAYESPFL_SERVER_API_KSERVE_STREAM_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "grpcpp/support/byte_buffer.h"
#include "inference/grpc_service.pb.h"
#include "server/api/kserve_inference.h"
#include "server/api/ordered_stream.h"
#include "server/api/records.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

// Every message is a request with one reply; a request counts as many frames as it has pictures. An error is the
// reply's `error_message`, "CODE: text", and the stream goes on. As Triton does, a reply repeats the request's id, on
// errors too, and says with the parameter `triton_final_response` that it is the request's last.
// Thread-safe; make it with std::make_shared.
class KserveStream final : public OrderedStream {
 public:
  KserveStream(StreamSurroundings surroundings, absl::Time deadline, const KserveBackend& backend);

 private:
  void OnMessage(grpc::ByteBuffer& bytes) override;
  void OnAbandoned() override;
  void Reject(const ReceivedFrame& request, const absl::Status& status);
  void Reply(uint64_t sequence, const ReceivedFrame& request, const Timelines& timelines,
             absl::StatusOr<InferenceReply> result);
  std::shared_ptr<CancellationToken> AddToken(uint64_t sequence);

  const KserveBackend& backend_;

  Mutex mu_;
  std::map<uint64_t, std::shared_ptr<CancellationToken>> unanswered_ ABSL_GUARDED_BY(mu_);  // by sequence
  bool abandoned_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_KSERVE_STREAM_H_
