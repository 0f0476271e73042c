// Client of the inspection server: one picture at a time, or a stream of frames with a bounded number in flight.
//
//   absl::StatusOr<std::unique_ptr<InspectionClient>> client = InspectionClient::Create({.target = "gpu:50051"});
//   if (!client.ok()) return client.status();
//   inspection::v1::InspectRequest request;
//   request.mutable_image()->set_encoded(bytes_of_a_jpeg);
//   request.mutable_options()->set_category("metal nut");
//   absl::StatusOr<inspection::v1::InspectResponse> response = (*client)->Inspect(request);
//
// Errors are absl::Status with the code and the message of the call or of the frame; errors.h tells their reason, and
// when to try again. Depends on gRPC, Protobuf and Abseil only: neither OpenCV nor LibTorch, and no stub of google.rpc.
#ifndef BAYESPFL_CLIENT_CPP_INSPECTION_CLIENT_H_
#define BAYESPFL_CLIENT_CPP_INSPECTION_CLIENT_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"
#include "client/cpp/client_options.h"

namespace bayespfl::client {

class ServerChannel;

// One frame on its way out.
struct OutgoingFrame {
  // `options` override the stream's field by field. A frame that is sent again, on a new stream say, keeps its
  // `metadata.frame_id` and counts up `metadata.attempt`.
  inspection::v1::StreamFrame frame;
  uint64_t tag = 0;  // the caller's own; comes back with the reply, never leaves the process
};

// One frame's reply.
struct StreamReply {
  uint64_t tag = 0;
  inspection::v1::FrameMetadata metadata;  // as sent, of errors too
  absl::StatusOr<inspection::v1::InspectResponse> result;
  absl::Duration latency;  // from handing the frame to gRPC to the reply's arrival; includes waiting in the network
};

struct StreamOptions {
  // Frames sent and not yet answered, >= 1. Bounds memory here and at the server.
  size_t max_in_flight = 8;

  // FLOW_POLICY_LATEST: the server skips the oldest frames that wait when more come than it can take; their replies are
  // ABORTED.
  inspection::v1::FlowPolicy flow_policy = inspection::v1::FLOW_POLICY_BLOCK;

  // Longest wait for the next reply while frames are in flight, > 0; then the stream ends with DEADLINE_EXCEEDED. This
  // is what turns a server that hangs without closing the connection into an error.
  absl::Duration stall_timeout = absl::Seconds(60);
};

// What a server's health service says.
enum class HealthState {
  kUnknown,
  kServing,
  kNotServing,  // e.g. it loads its model, or stops
};

// Thread-safe: any number of threads may call and stream at once, over one connection.
class InspectionClient final {
 public:
  // The next frame, or nullopt after the last one. Called only when there is room for it in flight.
  using FrameSource = std::function<std::optional<OutgoingFrame>()>;
  // Takes the replies, in the order of the frames.
  using ReplySink = std::function<void(StreamReply)>;

  // Does not connect yet: the first call does. INVALID_ARGUMENT for a target without a port, options out of range, a
  // token that no header can hold, or one that would go out in plain text (allow_plaintext_token).
  static absl::StatusOr<std::unique_ptr<InspectionClient>> Create(const ClientOptions& options);

  ~InspectionClient();
  InspectionClient(const InspectionClient&) = delete;
  InspectionClient& operator=(const InspectionClient&) = delete;

  // Inspects one picture within the client's timeout.
  absl::StatusOr<inspection::v1::InspectResponse> Inspect(const inspection::v1::InspectRequest& request) const;

  // Sends the frames of `source` and gives their replies to `sink` until every frame is answered. Both are called on
  // the calling thread, one at a time, so they need no locks; while either runs, replies keep arriving (at most
  // `max_in_flight` of them wait). A frame's own error is its reply; the returned status is the stream's:
  //   OK                    every frame the source gave was answered
  //   INVALID_ARGUMENT      options out of range
  //   DEADLINE_EXCEEDED     no reply for `stall_timeout`
  //   INTERNAL              the server answered out of order, or ended the stream with frames unanswered
  //   others                as the server or gRPC ended the call, e.g. UNAVAILABLE when the connection broke
  // After an error the frames in flight have no reply; the sink saw every reply that arrived before.
  absl::Status InspectStream(const inspection::v1::InspectOptions& inspect_options, const StreamOptions& options,
                             const FrameSource& source, const ReplySink& sink) const;

  // The models that serve, by name, without their categories.
  absl::StatusOr<std::vector<inspection::v1::Model>> ListModels() const;

  // One model with its categories; the empty name asks for the default one. NOT_FOUND: none of that name serves.
  absl::StatusOr<inspection::v1::Model> GetModel(const std::string& name = {}) const;

  // The server's version and what it refuses beyond.
  absl::StatusOr<inspection::v1::GetServerInfoResponse> GetServerInfo() const;

  // State of `service` by grpc.health.v1; the empty name asks for the server as a whole. NOT_FOUND: unknown service.
  absl::StatusOr<HealthState> Health(const std::string& service = {}) const;

  const std::string& target() const;

 private:
  explicit InspectionClient(ServerChannel channel);

  const std::unique_ptr<const ServerChannel> channel_;
  std::unique_ptr<inspection::v1::InspectionService::Stub> inspection_;
};

// The service's full name, as the health protocol wants it.
inline constexpr absl::string_view kInspectionServiceName = "bayespfl.inspection.v1.InspectionService";

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_INSPECTION_CLIENT_H_
