// A span as OpenTelemetry means it: a named stretch of time in a trace, with attributes.
#ifndef BAYESPFL_SERVER_TELEMETRY_SPAN_H_
#define BAYESPFL_SERVER_TELEMETRY_SPAN_H_

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace bayespfl::server {

// One named value. Texts may come from outside: they are cut after kMaxSpanTextBytes when they are encoded.
struct SpanAttribute {
  absl::string_view key;  // a literal: a name of OpenTelemetry's semantic conventions, or bayespfl.*
  std::variant<std::string, int64_t, double, bool> value;
};
using SpanAttributes = std::vector<SpanAttribute>;

inline constexpr size_t kMaxSpanTextBytes = 512;

// OTLP's numbers.
enum class SpanKind { kInternal = 1, kServer = 2 };

// Ids are lower-case hexadecimal, as in TraceContext.
struct Span {
  std::string trace_id;
  std::string span_id;
  std::string parent_span_id;  // empty: the trace begins here
  bool remote_parent = false;  // the parent is in another process
  std::string name;
  SpanKind kind = SpanKind::kInternal;
  absl::Time start = absl::UnixEpoch();
  absl::Time end = absl::UnixEpoch();  // >= start
  SpanAttributes attributes = {};
  bool error = false;
  std::string error_message = {};  // empty unless `error`
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_SPAN_H_
