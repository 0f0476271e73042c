// Where traces go, and what is sent along: the texts of the settings taken apart. No HTTP.
#ifndef BAYESPFL_SERVER_TELEMETRY_OTLP_ENDPOINT_H_
#define BAYESPFL_SERVER_TELEMETRY_OTLP_ENDPOINT_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

struct OtlpEndpoint {
  bool tls = false;
  std::string host;  // a name, or an address without brackets
  int port = 0;
  std::string path;  // "/v1/traces"

  friend bool operator==(const OtlpEndpoint&, const OtlpEndpoint&) = default;
};

// Of "http://collector:4318": as OpenTelemetry's OTEL_EXPORTER_OTLP_ENDPOINT means it, so /v1/traces is added to the
// path, unless the path ends so. Without a port it is HTTP's, 80 or 443. InvalidArgument says what is wrong.
absl::StatusOr<OtlpEndpoint> ParseOtlpEndpoint(absl::string_view url);

using OtlpHeaders = std::vector<std::pair<std::string, std::string>>;

// A line "Name: value" for each; empty lines and those that begin with # are passed over. InvalidArgument names the
// line, never its value, which may be a secret.
absl::StatusOr<OtlpHeaders> ParseOtlpHeaders(absl::string_view text);

// The settings of that kind.
struct OtlpSettings {
  std::string endpoint;      // empty: no traces
  std::string ca_file;       // empty: the system's authorities
  std::string headers_file;  // empty: none
};

// What they must satisfy together, the files not looked into. InvalidArgument names the keys.
absl::Status CheckOtlpSettings(const OtlpSettings& settings);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_OTLP_ENDPOINT_H_
