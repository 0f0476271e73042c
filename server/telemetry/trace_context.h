// W3C Trace Context, level 1 (https://www.w3.org/TR/trace-context-1/), and request ids: what ties a call to the logs of
// its caller.
#ifndef BAYESPFL_SERVER_TELEMETRY_TRACE_CONTEXT_H_
#define BAYESPFL_SERVER_TELEMETRY_TRACE_CONTEXT_H_

#include <cstddef>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

inline constexpr size_t kMaxRequestIdBytes = 128;

// Names of the calls' metadata, on the way in and back.
inline constexpr char kTraceParentHeader[] = "traceparent";
inline constexpr char kRequestIdHeader[] = "x-request-id";

// Ids are lower-case hexadecimal.
struct TraceContext {
  std::string trace_id;        // 32 digits, not all 0: the same in every service that a request passes
  std::string span_id;         // 16 digits, not all 0: this server's part of it
  std::string parent_span_id;  // 16 digits: the caller's; empty when the trace begins here
  std::string flags = "00";    // 2 digits; "01": the caller records this trace
};

// A `traceparent` of version 00, as the standard writes it: "00-<trace id>-<span id>-<flags>". The result's span_id is
// the caller's. Absent for everything else: another version or length, capitals, an id of zeros.
std::optional<TraceContext> ParseTraceParent(absl::string_view header);
std::string FormatTraceParent(const TraceContext& context);

// The context of a call: a new span of the caller's trace when `header` is valid, else of a new trace. Thread-safe.
TraceContext ContinueTrace(absl::string_view header);

// A span of the same trace below `parent`'s. Thread-safe.
TraceContext ChildOf(const TraceContext& parent);

// 16 digits, not all 0. Thread-safe.
std::string NewSpanId();

// Whether the caller records the trace: the lowest bit of the flags.
bool IsSampled(const TraceContext& context);

// `header` when it is 1 to kMaxRequestIdBytes bytes of visible ASCII, else 32 random digits. Thread-safe.
std::string RequestId(absl::string_view header);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_TRACE_CONTEXT_H_
