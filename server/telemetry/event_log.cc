#include "server/telemetry/event_log.h"

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/frame.h"
#include "server/telemetry/frame_outcome.h"

namespace bayespfl::server {
namespace {

LogLevel LevelOf(FrameOutcome outcome) {
  switch (outcome) {
    case FrameOutcome::kOk:
    case FrameOutcome::kCancelled:
    case FrameOutcome::kSkipped:
      return LogLevel::kDebug;
    case FrameOutcome::kInvalid:
    case FrameOutcome::kRefused:
    case FrameOutcome::kUnavailable:
    case FrameOutcome::kExpired:
      return LogLevel::kWarning;
    case FrameOutcome::kFailed:
      break;
  }
  return LogLevel::kError;
}

absl::string_view MessageOf(FrameOutcome outcome) {
  switch (outcome) {
    case FrameOutcome::kOk:
      return "the frame was answered";
    case FrameOutcome::kSkipped:
      return "the frame was skipped";
    case FrameOutcome::kCancelled:
      return "the frame's client left";
    default:
      return "the frame failed";
  }
}

// A failed frame has its own line; the call's line adds nothing but when the server is at fault.
LogLevel CallLevel(const CallRecord& call, const absl::Status& status) {
  if (FrameOutcomeOf(status) == FrameOutcome::kFailed) return LogLevel::kError;
  return call.stream_id.has_value() ? LogLevel::kInfo : LogLevel::kDebug;
}

// Empty texts say nothing.
void AddText(absl::string_view name, const std::string& text, LogFields& fields) {
  if (!text.empty()) fields.push_back({name, text});
}

void AddCall(const CallRecord& call, const TraceContext& trace, LogFields& fields) {
  fields.push_back({"method", call.method});
  AddText("request_id", call.request_id, fields);
  if (call.stream_id.has_value()) fields.push_back({"stream_id", *call.stream_id});
  AddText("trace_id", trace.trace_id, fields);
  AddText("span_id", trace.span_id, fields);
  AddText("parent_span_id", trace.parent_span_id, fields);
}

void AddResult(const Inspection& result, LogFields& fields) {
  AddText("result_id", result.provenance.result_id, fields);
  AddText("model", result.provenance.model, fields);
  fields.push_back({"verdict", std::string(VerdictName(result.decision.verdict))});
  fields.push_back({"score", double{result.score}});
}

void AddStatus(const absl::Status& status, LogFields& fields) {
  fields.push_back({"code", absl::StatusCodeToString(status.code())});
  if (!status.ok() && !IsSkipped(status)) AddText("reason", std::string(ErrorReasonName(ReasonOf(status))), fields);
  AddText("error", std::string(status.message()), fields);
}

}  // namespace

EventLog::EventLog(Logger logger, RepeatLimits limits) : logger_(std::move(logger)), limiter_(std::move(limits)) {}

void EventLog::FrameAnswered(const FrameRecord& frame) {
  const FrameOutcome outcome = FrameOutcomeOf(frame.status);
  const LogLevel level = LevelOf(outcome);
  if (!logger_->Enabled(level)) return;
  LogFields fields;
  AddCall(frame.call, TraceOf(frame), fields);
  AddText("camera_id", frame.name.camera_id, fields);
  AddText("frame_id", frame.name.frame_id, fields);
  AddText("part_id", frame.name.part_id, fields);
  if (frame.name.attempt > 0) fields.push_back({"attempt", int64_t{frame.name.attempt}});
  AddText("category", frame.category, fields);
  if (frame.result != nullptr) AddResult(*frame.result, fields);
  AddStatus(frame.status, fields);
  fields.push_back({"seconds", frame.seconds});
  const std::string code = absl::StatusCodeToString(frame.status.code());
  WriteLimited(level, MessageOf(outcome), std::move(fields), absl::StrCat("frame ", code, " ", frame.name.camera_id));
}

void EventLog::CallFinished(const CallRecord& call, const absl::Status& status) {
  const LogLevel level = CallLevel(call, status);
  if (!logger_->Enabled(level)) return;
  LogFields fields;
  AddCall(call, call.trace, fields);
  AddText("peer", call.peer, fields);
  AddStatus(status, fields);
  const std::chrono::duration<double> open = std::chrono::steady_clock::now() - call.start;
  fields.push_back({"seconds", open.count()});
  const absl::string_view message = call.stream_id.has_value() ? "the stream ended" : "the call ended";
  WriteLimited(level, message, std::move(fields),
               absl::StrCat("call ", call.method, " ", absl::StatusCodeToString(status.code())));
}

void EventLog::WriteLimited(LogLevel level, absl::string_view message, LogFields fields, absl::string_view key) {
  // Whoever asks for debug lines wants all of them.
  const std::optional<int64_t> suppressed = level == LogLevel::kDebug ? 0 : limiter_.Admit(key);
  if (!suppressed.has_value()) return;
  if (*suppressed > 0) fields.push_back({"suppressed", *suppressed});
  logger_->Write(level, message, fields);
}

}  // namespace bayespfl::server
