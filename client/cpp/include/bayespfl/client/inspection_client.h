// Client of the inspection server: one picture at a time, or a stream of frames with a bounded number in flight.
//
//   absl::StatusOr<std::unique_ptr<InspectionClient>> client = InspectionClient::Create({.target = "gpu:50051"});
//   if (!client.ok()) return client.status();
//   inspection::v1::InspectRequest request;
//   request.mutable_image()->set_encoded(bytes_of_a_jpeg);
//   request.mutable_options()->set_category("metal nut");
//   absl::StatusOr<inspection::v1::InspectResponse> response = (*client)->Inspect(request);
//
// Calls outlive connections: what is safe to send again is sent again (docs/clients.md). Errors are absl::Status with
// the code and the message of the call or of the frame; errors.h tells their reason. Depends on gRPC, Protobuf, Abseil
// and OpenSSL only: neither OpenCV nor LibTorch, and no stub of google.rpc.
#ifndef BAYESPFL_CLIENT_INSPECTION_CLIENT_H_
#define BAYESPFL_CLIENT_INSPECTION_CLIENT_H_

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
#include "bayespfl/client/client_options.h"
#include "bayespfl/client/frame_stream.h"
#include "bayespfl/inspection/v1/inspection.grpc.pb.h"

namespace bayespfl::client {

class ServerChannel;

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

  // Inspects one picture within the client's timeout, all attempts together. A request without a `metadata.frame_id`
  // gets one; `metadata.attempt` counts up from what the request says.
  absl::StatusOr<inspection::v1::InspectResponse> Inspect(inspection::v1::InspectRequest request) const;

  // The same without waiting: `done` is called once, from a thread of gRPC's, and must be quick. The client must
  // outlive that.
  using InspectCallback = std::function<void(absl::StatusOr<inspection::v1::InspectResponse>)>;
  void InspectAsync(inspection::v1::InspectRequest request, InspectCallback done) const;

  // Opens a stream of frames (frame_stream.h); the first frame opens its connection. `on_reply` and `on_end` are called
  // on a thread of the stream's own, one at a time. INVALID_ARGUMENT: options out of range.
  absl::StatusOr<std::unique_ptr<FrameStream>> OpenStream(const inspection::v1::InspectOptions& inspect_options,
                                                          const StreamOptions& options,
                                                          FrameStream::ReplyCallback on_reply,
                                                          FrameStream::EndCallback on_end) const;

  // Sends the frames of `source` over such a stream and gives their replies to `sink` until every frame is answered.
  // Both are called on the calling thread, one at a time, so they need no locks. A frame's own error is its reply; the
  // returned status is the stream's: OK when every frame was answered, else why it could not go on.
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
  explicit InspectionClient(std::unique_ptr<ServerChannel> channel);

  const std::unique_ptr<ServerChannel> channel_;
  std::unique_ptr<inspection::v1::InspectionService::Stub> inspection_;
};

// The service's full name, as the health protocol wants it.
inline constexpr absl::string_view kInspectionServiceName = "bayespfl.inspection.v1.InspectionService";

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_INSPECTION_CLIENT_H_
