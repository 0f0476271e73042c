// OTLP's messages about traces in their JSON form (opentelemetry.io/docs/specs/otlp, opentelemetry-proto 1.x): ids in
// hexadecimal, 64-bit integers as texts.
#ifndef BAYESPFL_SERVER_TELEMETRY_OTLP_JSON_H_
#define BAYESPFL_SERVER_TELEMETRY_OTLP_JSON_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/telemetry/span.h"

namespace bayespfl::server {

// Who sends.
struct OtlpSender {
  SpanAttributes resource;   // service.name and the like
  std::string scope = {};    // the instrumentation's name
  std::string version = {};  // and its version
};

// An ExportTraceServiceRequest. Texts that are not UTF-8 are mended; all are cut after kMaxSpanTextBytes. Thread-safe.
std::string EncodeSpans(const OtlpSender& sender, absl::Span<const Span> spans);

// What an ExportTraceServiceResponse says of spans that were not taken.
struct OtlpPartialSuccess {
  int64_t rejected = 0;  // >= 0
  std::string message;
};

// InvalidArgument: it is none. An empty body is one. Thread-safe.
absl::StatusOr<OtlpPartialSuccess> DecodePartialSuccess(absl::string_view body);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_OTLP_JSON_H_
