#include "base/loopback_host.h"

#include <arpa/inet.h>

#include <cstdint>

namespace bayespfl {

bool IsLoopbackHost(const std::string& host) {
  constexpr uint32_t kLoopbackNetwork = 127;
  in_addr address{};
  if (inet_pton(AF_INET, host.c_str(), &address) == 1) return ntohl(address.s_addr) >> 24U == kLoopbackNetwork;
  return host == "::1" || host == "[::1]" || host == "localhost";
}

}  // namespace bayespfl
