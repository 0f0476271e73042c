// From calls and messages to the records that logs are written from.
#ifndef BAYESPFL_SERVER_API_RECORDS_H_
#define BAYESPFL_SERVER_API_RECORDS_H_

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "grpcpp/server_context.h"
#include "model/verdict/inspection.h"
#include "server/telemetry/record.h"

namespace bayespfl::server {

// Takes up the trace and the request id that the call's metadata carry, or makes new ones, and returns them in the
// call's initial metadata as `traceparent` and `x-request-id`. Call it once for each call, before anything is sent.
CallRecord BeginCall(absl::string_view method, grpc::CallbackServerContext& context);

// A frame on its way through the service.
struct ReceivedFrame {
  inspection::v1::FrameMetadata metadata;
  std::string category;                               // empty until it is known to be valid
  std::chrono::steady_clock::time_point arrival;      // of its message
  std::optional<TraceContext> span = std::nullopt;    // FrameRecord's
  std::shared_ptr<FrameTimeline> timeline = nullptr;  // of a message with one frame; null: nobody wants it
};

// The record of the frame's answer; refers to `call` and to `result`, which is null unless `status` is OK.
FrameRecord RecordOf(const CallRecord& call, const ReceivedFrame& frame, const absl::Status& status,
                     const Inspection* result);

// The same for a message with this one frame.
RequestRecord RequestOf(const CallRecord& call, const ReceivedFrame& frame, const absl::Status& status,
                        const Inspection* result);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_API_RECORDS_H_
