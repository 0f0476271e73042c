#include "server/telemetry/request_spans.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "server/pipeline/error_reason.h"
#include "server/telemetry/frame_outcome.h"

namespace bayespfl::server {
namespace {

// What its client gave up is no error.
bool IsError(const absl::Status& status) {
  const FrameOutcome outcome = FrameOutcomeOf(status);
  return outcome != FrameOutcome::kOk && outcome != FrameOutcome::kCancelled && outcome != FrameOutcome::kSkipped;
}

void AddText(absl::string_view key, const std::string& text, SpanAttributes& attributes) {
  if (!text.empty()) attributes.push_back({key, text});
}

void AddStatus(const absl::Status& status, Span& span) {
  if (!IsError(status)) return;
  span.error = true;
  span.error_message = std::string(status.message());
  span.attributes.push_back({"error.type", std::string(ErrorReasonName(ReasonOf(status)))});
}

void AddCall(const CallRecord& call, const absl::Status& status, const SpanNames& names, Span& span) {
  span.attributes.push_back({"rpc.system", std::string("grpc")});
  span.attributes.push_back({"rpc.service", names.service_of(call.method)});
  span.attributes.push_back({"rpc.method", call.method});
  span.attributes.push_back({"rpc.grpc.status_code", static_cast<int64_t>(status.code())});
  AddText("bayespfl.request_id", call.request_id, span.attributes);
  if (call.stream_id.has_value()) {
    span.attributes.push_back({"bayespfl.stream_id", static_cast<int64_t>(*call.stream_id)});
  }
}

void AddName(const FrameName& name, SpanAttributes& attributes) {
  AddText("bayespfl.camera_id", name.camera_id, attributes);
  AddText("bayespfl.frame_id", name.frame_id, attributes);
  AddText("bayespfl.part_id", name.part_id, attributes);
  if (name.attempt > 0) attributes.push_back({"bayespfl.attempt", int64_t{name.attempt}});
}

void AddFrame(const FrameRecord& frame, const SpanNames& names, SpanAttributes& attributes) {
  if (!frame.category.empty()) attributes.push_back({"bayespfl.category", names.category_of(frame.category)});
  if (frame.result == nullptr) return;
  AddText("bayespfl.result_id", frame.result->provenance.result_id, attributes);
  attributes.push_back({"bayespfl.verdict", std::string(VerdictName(frame.result->decision.verdict))});
  attributes.push_back({"bayespfl.score", double{frame.result->score}});
}

// The queue that the step is; empty: it is a stage.
absl::string_view QueueOf(FrameStep step) {
  switch (step) {
    case FrameStep::kDecodeQueue:
      return "decode";
    case FrameStep::kExecuteQueue:
      return "execute";
    case FrameStep::kRenderQueue:
      return "render";
    default:
      return "";
  }
}

absl::string_view StageOf(FrameStep step) {
  switch (step) {
    case FrameStep::kDecode:
      return "decode";
    case FrameStep::kExecute:
      return "execute";
    default:
      return "render";
  }
}

Span ChildSpan(const Span& parent, absl::string_view name, absl::Time start, absl::Time end) {
  return {.trace_id = parent.trace_id,
          .span_id = NewSpanId(),
          .parent_span_id = parent.span_id,
          .name = std::string(name),
          .start = start,
          .end = std::max(start, end)};
}

Span StepSpan(const Span& parent, const FrameInterval& interval, const ClockAnchor& anchor) {
  const absl::string_view queue = QueueOf(interval.step);
  Span span = ChildSpan(parent, queue.empty() ? StageOf(interval.step) : "queue", anchor.TimeOf(interval.start),
                        anchor.TimeOf(interval.end));
  if (!queue.empty()) span.attributes.push_back({"bayespfl.queue", std::string(queue)});
  if (interval.batch > 0) span.attributes.push_back({"bayespfl.batch_size", int64_t{interval.batch}});
  span.error = interval.failed;
  return span;
}

// When the frame was answered; without a timeline it was refused, just now.
absl::Time AnswerOf(const FrameTimeline* timeline, const ClockAnchor& anchor) {
  return timeline != nullptr && timeline->answered.has_value() ? anchor.TimeOf(*timeline->answered) : anchor.wall;
}

// What happened to a frame between its arrival and its answer. Null: it did not get as far as the pipeline.
void AddSteps(const Span& parent, const FrameTimeline* timeline, const ClockAnchor& anchor, std::vector<Span>& spans) {
  const bool accepted = timeline != nullptr && timeline->accepted.has_value();
  spans.push_back(ChildSpan(parent, "admission", parent.start,
                            accepted ? anchor.TimeOf(*timeline->accepted) : AnswerOf(timeline, anchor)));
  if (!accepted) return;
  for (const FrameInterval& interval : timeline->steps) spans.push_back(StepSpan(parent, interval, anchor));
}

// One picture of several. `record` is null when the request has no result.
void AddPicture(const Span& request, size_t index, const FrameTimeline& timeline, const FrameRecord* record,
                const ClockAnchor& anchor, const SpanNames& names, std::vector<Span>& spans) {
  if (!timeline.answered.has_value()) return;  // the request had failed before this picture's turn
  Span span = ChildSpan(request, "frame", request.start, AnswerOf(&timeline, anchor));
  span.attributes.push_back({"bayespfl.picture", static_cast<int64_t>(index)});
  AddText("bayespfl.model", timeline.model, span.attributes);
  if (record != nullptr) AddFrame(*record, names, span.attributes);
  AddStatus(timeline.status, span);
  spans.push_back(span);
  AddSteps(span, &timeline, anchor, spans);
}

Span ServerSpan(const CallRecord& call, const TraceContext& trace, const SpanNames& names, bool remote_parent) {
  return {.trace_id = trace.trace_id,
          .span_id = trace.span_id,
          .parent_span_id = trace.parent_span_id,
          .remote_parent = remote_parent && !trace.parent_span_id.empty(),
          .name = absl::StrCat(names.service_of(call.method), "/", call.method),
          .kind = SpanKind::kServer};
}

}  // namespace

ClockAnchor ClockAnchor::Now() { return {.wall = absl::Now(), .steady = std::chrono::steady_clock::now()}; }

std::vector<Span> SpansOf(const RequestRecord& request, const ClockAnchor& anchor, const SpanNames& names) {
  const FrameRecord& first = request.frames.front();
  const bool of_stream = first.span.has_value();
  Span root = ServerSpan(first.call, TraceOf(first), names, !of_stream);
  if (of_stream) root.name += " frame";
  root.start = anchor.TimeOf(request.arrival);
  root.end = std::max(root.start, anchor.wall);
  AddCall(first.call, first.status, names, root);
  AddName(first.name, root.attributes);
  AddStatus(first.status, root);

  const bool several = request.timelines.size() > 1;
  const FrameTimeline* const only = request.timelines.size() == 1 ? request.timelines.front().get() : nullptr;
  if (several) root.attributes.push_back({"bayespfl.pictures", static_cast<int64_t>(request.timelines.size())});
  if (only != nullptr) AddText("bayespfl.model", only->model, root.attributes);
  if (!several) AddFrame(first, names, root.attributes);

  std::vector<Span> spans = {root};
  absl::Time answered = several ? root.start : AnswerOf(only, anchor);
  if (!several) AddSteps(root, only, anchor, spans);
  for (size_t i = 0; several && i < request.timelines.size(); ++i) {
    const FrameTimeline& timeline = *request.timelines[i];
    AddPicture(root, i, timeline, first.result != nullptr ? &request.frames.at(i) : nullptr, anchor, names, spans);
    if (timeline.answered.has_value()) answered = std::max(answered, AnswerOf(&timeline, anchor));
  }
  spans.push_back(ChildSpan(root, "reply", answered, root.end));
  return spans;
}

void EndSpans(absl::Time end, std::vector<Span>& spans) {
  for (Span* const span : {&spans.front(), &spans.back()}) span->end = std::max(span->end, end);
}

Span StreamSpanOf(const CallRecord& call, const absl::Status& status, const ClockAnchor& anchor,
                  const SpanNames& names) {
  Span span = ServerSpan(call, call.trace, names, /*remote_parent=*/true);
  span.start = anchor.TimeOf(call.start);
  span.end = std::max(span.start, anchor.wall);
  AddCall(call, status, names, span);
  AddStatus(status, span);
  return span;
}

}  // namespace bayespfl::server
