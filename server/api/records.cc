#include "server/api/records.h"

#include <iterator>
#include <utility>

#include "server/api/translate.h"

namespace bayespfl::server {
namespace {

// The metadata of that name; empty when there is none, or more than one.
absl::string_view Metadata(const grpc::CallbackServerContext& context, const char* name) {
  const auto [first, last] = context.client_metadata().equal_range(name);
  if (first == last || std::next(first) != last) return "";
  return {first->second.data(), first->second.size()};
}

}  // namespace

FrameFinding FindingOf(const InspectionOutcome& outcome) {
  return {.model = outcome.model,
          .model_version = outcome.model_version,
          .seed = outcome.seed,
          .score = outcome.score,
          .map_score = outcome.map_score,
          .score_threshold = outcome.score_threshold,
          .mask_threshold = outcome.mask_threshold,
          .mask_area_pixels = outcome.mask_area_pixels,
          .mask_area_fraction = outcome.mask_area_fraction};
}

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
                     std::optional<FrameFinding> finding) {
  FrameRecord record{.call = call,
                     .name = {},
                     .category = frame.category,
                     .status = status,
                     .finding = std::move(finding),
                     .seconds = 0};
  // Ids over the limit may be as large as a picture.
  if (CheckMetadata(frame.metadata).ok()) {
    record.name = {.camera_id = frame.metadata.camera_id(),
                   .frame_id = frame.metadata.frame_id(),
                   .part_id = frame.metadata.part_id()};
  }
  record.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - frame.arrival).count();
  return record;
}

}  // namespace bayespfl::server
