#include "server/api/records.h"

#include <iterator>

#include "server/api/translate.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {
namespace {

// The metadata of that name; empty when there is none, or more than one.
absl::string_view Metadata(const grpc::CallbackServerContext& context, const char* name) {
  const auto [first, last] = context.client_metadata().equal_range(name);
  if (first == last || std::next(first) != last) return "";
  return {first->second.data(), first->second.size()};
}

FrameName NameOf(const inspection::v1::FrameMetadata& metadata) {
  FrameName name{.camera_id = metadata.camera_id(),
                 .frame_id = metadata.frame_id(),
                 .part_id = metadata.part_id(),
                 .attempt = metadata.attempt()};
  if (metadata.has_capture_time()) {
    name.capture_time =
        absl::FromUnixSeconds(metadata.capture_time().seconds()) + absl::Nanoseconds(metadata.capture_time().nanos());
  }
  return name;
}

}  // namespace

CallRecord BeginCall(absl::string_view method, grpc::CallbackServerContext& context) {
  CallRecord call;
  call.method = std::string(method);
  call.request_id = RequestId(Metadata(context, kRequestIdHeader));
  call.trace = ContinueTrace(Metadata(context, kTraceParentHeader));
  call.peer = context.peer();
  context.AddInitialMetadata(kRequestIdHeader, call.request_id);
  context.AddInitialMetadata(kTraceParentHeader, FormatTraceParent(call.trace));
  return call;
}

FrameRecord RecordOf(const CallRecord& call, const ReceivedFrame& frame, const absl::Status& status,
                     const Inspection* result) {
  FrameRecord record{.call = call,
                     .name = {},
                     .category = frame.category,
                     .status = status,
                     .result = result,
                     .seconds = SecondsSince(frame.arrival),
                     .span = frame.span};
  // Ids over the limit may be as large as a picture.
  if (CheckMetadata(frame.metadata).ok()) record.name = NameOf(frame.metadata);
  return record;
}

RequestRecord RequestOf(const CallRecord& call, const ReceivedFrame& frame, const absl::Status& status,
                        const Inspection* result) {
  RequestRecord request{.arrival = frame.arrival, .frames = {RecordOf(call, frame, status, result)}};
  if (frame.timeline != nullptr) request.timelines.push_back(frame.timeline);
  return request;
}

}  // namespace bayespfl::server
