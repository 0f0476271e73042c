#include "server/telemetry/otlp_endpoint.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "base/loopback_host.h"

namespace bayespfl::server {
namespace {

constexpr absl::string_view kTracesPath = "/v1/traces";

bool IsGraph(char c) { return absl::ascii_isgraph(static_cast<unsigned char>(c)); }

absl::Status Wrong(absl::string_view url, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat("otlp_endpoint is '", absl::CHexEscape(url.substr(0, 256)), "': ", why,
                                                 "; expected a URL such as http://collector:4318"));
}

// Takes "host:port", "host", "[::1]:port" or "[::1]" apart. Empty: fine; else what is wrong.
absl::string_view ParseAuthority(absl::string_view authority, OtlpEndpoint& endpoint) {
  absl::string_view port;
  if (absl::ConsumePrefix(&authority, "[")) {
    const size_t end = authority.find(']');
    if (end == absl::string_view::npos) return "the address has no closing bracket";
    endpoint.host = std::string(authority.substr(0, end));
    port = authority.substr(end + 1);
  } else {
    const size_t colon = std::min(authority.find(':'), authority.size());
    endpoint.host = std::string(authority.substr(0, colon));
    port = authority.substr(colon);
  }
  if (endpoint.host.empty()) return "it names no host";
  if (port.empty()) return "";
  if (!absl::ConsumePrefix(&port, ":") || !absl::SimpleAtoi(port, &endpoint.port) || endpoint.port < 1 ||
      endpoint.port > 65535) {
    return "the port is no number from 1 to 65535";
  }
  return "";
}

// HTTP's token (RFC 9110).
bool IsHeaderName(absl::string_view name) {
  constexpr absl::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || absl::StrContains(kPunctuation, c);
  });
}

bool IsHeaderValue(absl::string_view value) {
  return std::all_of(value.begin(), value.end(), [](char c) { return IsGraph(c) || c == ' ' || c == '\t'; });
}

}  // namespace

absl::StatusOr<OtlpEndpoint> ParseOtlpEndpoint(absl::string_view url) {
  OtlpEndpoint endpoint;
  absl::string_view rest = url;
  endpoint.tls = absl::ConsumePrefix(&rest, "https://");
  if (!endpoint.tls && !absl::ConsumePrefix(&rest, "http://")) {
    return Wrong(url, "it begins with neither http:// nor https://");
  }
  if (!std::all_of(url.begin(), url.end(), IsGraph)) return Wrong(url, "it holds a byte that no URL has");
  endpoint.port = endpoint.tls ? 443 : 80;
  const size_t slash = std::min(rest.find('/'), rest.size());
  const absl::string_view authority = rest.substr(0, slash);
  if (absl::StrContains(rest, '?') || absl::StrContains(rest, '#')) return Wrong(url, "it has a query or a fragment");
  if (absl::StrContains(authority, '@')) return Wrong(url, "it holds a password, which otlp_headers_file is for");
  const absl::string_view wrong = ParseAuthority(authority, endpoint);
  if (!wrong.empty()) return Wrong(url, wrong);
  absl::string_view path = rest.substr(slash);
  while (absl::ConsumeSuffix(&path, "/")) {
  }
  endpoint.path = absl::EndsWith(path, kTracesPath) ? std::string(path) : absl::StrCat(path, kTracesPath);
  return endpoint;
}

absl::StatusOr<OtlpHeaders> ParseOtlpHeaders(absl::string_view text) {
  OtlpHeaders headers;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || absl::StartsWith(line, "#")) continue;
    const std::pair<absl::string_view, absl::string_view> parts = absl::StrSplit(line, absl::MaxSplits(':', 1));
    const absl::string_view value = absl::StripAsciiWhitespace(parts.second);
    if (!absl::StrContains(line, ':') || !IsHeaderName(parts.first) || !IsHeaderValue(value)) {
      return absl::InvalidArgumentError(absl::StrCat("line ", number, " is not 'Name: value'"));
    }
    headers.emplace_back(parts.first, value);
  }
  return headers;
}

absl::Status CheckOtlpSettings(const OtlpSettings& settings) {
  if (settings.endpoint.empty()) {
    if (settings.ca_file.empty() && settings.headers_file.empty()) return absl::OkStatus();
    return absl::InvalidArgumentError("otlp_ca_file and otlp_headers_file belong to otlp_endpoint, which is empty");
  }
  const absl::StatusOr<OtlpEndpoint> endpoint = ParseOtlpEndpoint(settings.endpoint);
  if (!endpoint.ok()) return endpoint.status();
  if (!settings.ca_file.empty() && !endpoint->tls) {
    return absl::InvalidArgumentError("otlp_ca_file is set, and otlp_endpoint does not begin with https://");
  }
  if (!settings.headers_file.empty() && !endpoint->tls && !IsLoopbackHost(endpoint->host)) {
    return absl::InvalidArgumentError(
        absl::StrCat("otlp_headers_file is set, and without https:// everybody on the way to ", endpoint->host,
                     " could read the headers; use https://, or a collector on this machine"));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl::server
