#include "base/loopback_host.h"

#include <arpa/inet.h>

#include <cstdint>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace bayespfl {

absl::string_view WithoutBrackets(absl::string_view host) {
  absl::string_view inner = host;
  return absl::ConsumePrefix(&inner, "[") && absl::ConsumeSuffix(&inner, "]") ? inner : host;
}

bool IsHost(absl::string_view host) {
  const absl::string_view inner = WithoutBrackets(host);
  const bool is_name = inner.size() == host.size() && inner.find_first_of(":[]") == absl::string_view::npos;
  if (is_name) return !inner.empty();
  in6_addr address{};
  return inet_pton(AF_INET6, std::string(inner.substr(0, inner.find('%'))).c_str(), &address) == 1;
}

bool IsLoopbackHost(const std::string& host) {
  constexpr uint32_t kLoopbackNetwork = 127;
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24U == kLoopbackNetwork;
  in6_addr wide{};
  const std::string inner(WithoutBrackets(host));
  if (inet_pton(AF_INET6, inner.c_str(), &wide) == 1) return IN6_IS_ADDR_LOOPBACK(&wide);
  return absl::EqualsIgnoreCase(host, "localhost");
}

}  // namespace bayespfl
