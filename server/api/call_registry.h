// What all services of the server share about their calls: limits, counters, and the end of them all.
#ifndef BAYESPFL_SERVER_API_CALL_REGISTRY_H_
#define BAYESPFL_SERVER_API_CALL_REGISTRY_H_

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "grpcpp/server_context.h"
#include "grpcpp/support/server_callback.h"
#include "grpcpp/support/status.h"
#include "server/api/call_client.h"
#include "server/api/ordered_stream.h"
#include "server/api/records.h"
#include "server/api/unsent_budget.h"
#include "server/api/wire.h"
#include "server/pipeline/pipeline.h"
#include "server/security/client_limits.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

struct CallOptions {
  int max_frames_per_stream = 4;  // >= 1; frames of one stream that are read and not answered; then reading stops, and
                                  // HTTP/2's flow control holds the client up
  int max_streams = 256;          // >= 1; of all services together; more are refused
  absl::Duration max_stream_age;  // give or take a tenth; then a stream is ended. 0: never

  size_t max_reply_bytes = kMaxSerializedBytes;  // of one message; a frame whose reply has more fails

  int64_t max_unsent_bytes = int64_t{256} << 20;  // >= 1; UnsentBudget's, of all calls together

  // Whose call it is. Empty: all calls are one client's, who may do everything.
  std::function<CallClient(const grpc::ServerContextBase& context)> client_of = {};

  // Takes a place for one more stream of a client; ResourceExhausted: it has as many as it may. Empty: always free.
  std::function<absl::StatusOr<ClientLimits::StreamLease>(const std::string& client)> open_stream = {};

  // Called once for every call that reached a service, with the code it ended with. Calls that gRPC itself refuses (a
  // unary message over the transport limit, an unknown method) are not seen. May be empty.
  std::function<void(const CallRecord& call, const grpc::Status& status)> on_call_finished;

  // Called for every frame that was refused before it reached the pipeline: for the reason in its RefusalOf(), or
  // because the request is wrong. `client` is CallClient::name. May be empty.
  std::function<void(const std::string& client, const absl::Status& status)> on_frame_rejected;

  // Called once for every message with frames of every call, just before its answer leaves. What it returns is called
  // when the answer has left or was dropped. May be empty.
  std::function<ReplyGone(const RequestRecord& request)> on_request_answered;

  // Whether RequestRecord::timelines are wanted.
  bool timelines = false;

  // Called with the bytes of every message of every call that takes frames, as soon as gRPC has handed it over, and
  // with the peer that it came from. May be empty.
  std::function<void(const std::string& peer, size_t bytes)> on_message = {};

  // Called when a stream opened (1) or ended (-1). May be empty.
  std::function<void(int change)> on_streams_change;

  // Called when the bytes of all replies that gRPC has not taken yet change. Quick, never calls back. May be empty.
  std::function<void(int64_t change)> on_unsent_bytes = {};
};

// When the call's deadline passes; infinite when it has none.
absl::Time DeadlineOf(const grpc::CallbackServerContext& context);

// Thread-safe. The registry and its pipeline outlive the gRPC server.
class CallRegistry {
 public:
  CallRegistry(CallOptions options, Pipeline& pipeline);
  CallRegistry(const CallRegistry&) = delete;
  CallRegistry& operator=(const CallRegistry&) = delete;

  Pipeline& pipeline() const { return pipeline_; }

  size_t max_reply_bytes() const { return options_.max_reply_bytes; }

  // Of the replies of all calls.
  UnsentBudget& unsent() { return unsent_; }

  // CallOptions::on_message.
  void NoteMessage(const CallRecord& call, size_t bytes) const;

  // CallOptions::client_of.
  CallClient ClientOf(const grpc::ServerContextBase& context) const;

  // A unary call that takes frames is open from the one to the other.
  void CallStarted();
  void CallEnded();

  // Makes a stream and starts it, or ends it at once: Unavailable (not ready), ResourceExhausted (max_streams, or
  // CallOptions::open_stream).
  // `method` is a literal; `arguments` go to the stream's constructor. gRPC owns the result.
  template <typename Stream, typename... Arguments>
  Stream* OpenStream(absl::string_view method, grpc::CallbackServerContext& context, const Arguments&... arguments) {
    CallStarted();
    const uint64_t id = next_stream_.fetch_add(1);
    auto call = std::make_shared<CallRecord>(BeginCall(method, context));
    call->stream_id = id;
    call->has_spans = std::make_shared<std::atomic<bool>>(false);
    const CallClient client = ClientOf(context);
    auto stream = std::make_shared<Stream>(Surroundings(call, client, context), DeadlineOf(context), arguments...);
    stream->Start(Register(id, client.name, stream));
    return stream.get();
  }

  // Ends every open stream: no more messages are read, those read are answered, then the stream ends with UNAVAILABLE.
  // Returns at once. A stream that opens when the server drains ends at once in the same way; so when both this and
  // ServerState::StartDraining() have been called, and this once more, no stream is forgotten.
  void EndStreams();

  // Waits until no unary call with frames and no stream is open, their last bytes handed to gRPC. False: `deadline`
  // passed before.
  bool WaitUntilIdle(std::chrono::steady_clock::time_point deadline);

  // What is open now: streams, and unary calls with frames besides.
  struct Open {
    size_t streams = 0;
    int calls = 0;  // streams among them; those too whose last bytes have not been handed to gRPC
  };
  Open open();

  // The call's method comes from a fixed set: it becomes a metric's label.
  void CountCall(const CallRecord& call, const grpc::Status& status) const;
  void CountRejectedFrame(const std::string& client, const absl::Status& status) const;
  ReplyGone RecordRequest(const RequestRecord& request) const;

  // For a frame; null: nobody wants it.
  std::shared_ptr<FrameTimeline> NewTimeline() const;

 private:
  struct OpenedStream {
    std::weak_ptr<OrderedStream> stream;
    ClientLimits::StreamLease lease;
  };

  StreamSurroundings Surroundings(const std::shared_ptr<const CallRecord>& call, const CallClient& client,
                                  const grpc::ServerContextBase& context);
  absl::Status Register(uint64_t id, const std::string& client, const std::shared_ptr<OrderedStream>& stream);
  void Unregister(uint64_t id);
  absl::Status StreamsFull(const absl::Status& status) const;
  std::optional<absl::Duration> StreamAge() const;

  const CallOptions options_;
  Pipeline& pipeline_;
  UnsentBudget unsent_;
  std::atomic<uint64_t> next_stream_{0};

  Mutex mu_;
  CondVar idle_;
  int open_calls_ ABSL_GUARDED_BY(mu_) = 0;
  std::unordered_map<uint64_t, OpenedStream> streams_ ABSL_GUARDED_BY(mu_);
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_CALL_REGISTRY_H_
