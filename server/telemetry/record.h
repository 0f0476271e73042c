// What the services tell about calls and frames, in plain types: no gRPC, no protobuf. The log and the result log are
// written from it.
#ifndef BAYESPFL_SERVER_TELEMETRY_RECORD_H_
#define BAYESPFL_SERVER_TELEMETRY_RECORD_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "model/verdict/inspection.h"
#include "server/pipeline/frame_timeline.h"
#include "server/telemetry/trace_context.h"

namespace bayespfl::server {

// One call, from its first moment.
struct CallRecord {
  std::string method;  // "Inspect"
  std::string request_id;
  TraceContext trace;
  std::string peer;                   // as gRPC writes it: "ipv4:127.0.0.1:43210"
  std::optional<uint64_t> stream_id;  // counts the streams of this process
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
  // Of a stream: set when spans of its frames are exported, which hang below its own. Null: a unary call.
  std::shared_ptr<std::atomic<bool>> has_spans = nullptr;
};

// What a client says of a frame; its texts have at most 128 bytes each, in UTF-8. All empty when it said nothing, or
// too much.
struct FrameName {
  std::string camera_id;
  std::string frame_id;
  std::string part_id;
  std::optional<absl::Time> capture_time = std::nullopt;
  uint32_t attempt = 0;  // how often the client has sent the frame before
};

// One frame that was answered, with a result or with an error.
struct FrameRecord {
  const CallRecord& call;  // the one that brought it
  FrameName name;
  std::string category;                             // as asked for; empty when it was not valid
  absl::Status status;                              // OK: there is a result
  const Inspection* result = nullptr;               // of OK, borrowed
  double seconds = 0;                               // from the frame's arrival to its answer
  std::optional<TraceContext> span = std::nullopt;  // of a stream's message, below the call's; absent: the call's own
};

inline const TraceContext& TraceOf(const FrameRecord& frame) {
  return frame.span.has_value() ? *frame.span : frame.call.trace;
}

// One message with frames that was answered: a unary call's, or one of a stream.
struct RequestRecord {
  std::chrono::steady_clock::time_point arrival;
  std::vector<FrameRecord> frames;  // at least one; several only when all have a result, in the pictures' order
  // One for each picture, also of a request that failed. Empty: nobody wants them, or it was refused before it was
  // known what is in it.
  std::vector<std::shared_ptr<const FrameTimeline>> timelines = {};
};

// Called once, when a reply has left or was dropped. Quick, never calls back; may be empty.
using ReplyGone = std::function<void()>;

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_RECORD_H_
