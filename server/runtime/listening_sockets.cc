#include "server/runtime/listening_sockets.h"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

// More than the kernel permits (net.core.somaxconn) is cut to that.
constexpr int kMostWaiting = 1 << 16;

// A socket that listens, or why there is none, as an errno.
struct Attempt {
  Descriptor socket;
  int error = 0;
};

using AddressList = std::unique_ptr<addrinfo, decltype(&freeaddrinfo)>;

bool SetOption(const Descriptor& socket, int level, int option, int value) {
  return setsockopt(socket.get(), level, option, &value, sizeof(value)) == 0;
}

// What accepted sockets inherit is what gRPC sets on those of its own ports.
bool SetOptions(const Descriptor& socket, int family, std::chrono::milliseconds user_timeout) {
  return SetOption(socket, SOL_SOCKET, SO_REUSEADDR, 1) && SetOption(socket, IPPROTO_TCP, TCP_NODELAY, 1) &&
         SetOption(socket, IPPROTO_TCP, TCP_USER_TIMEOUT, static_cast<int>(user_timeout.count())) &&
         (family != AF_INET6 || SetOption(socket, IPPROTO_IPV6, IPV6_V6ONLY, 0));
}

Attempt TryListen(const sockaddr* address, socklen_t size, std::chrono::milliseconds user_timeout) {
  const int family = address->sa_family;
  Descriptor listening(socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!listening.valid() || !SetOptions(listening, family, user_timeout) || bind(listening.get(), address, size) != 0 ||
      listen(listening.get(), kMostWaiting) != 0) {
    return {.socket = Descriptor(), .error = errno};
  }
  return {.socket = std::move(listening), .error = 0};
}

void SetPort(sockaddr* address, int port) {
  const in_port_t number = htons(static_cast<uint16_t>(port));
  if (address->sa_family == AF_INET6) {
    reinterpret_cast<sockaddr_in6*>(address)->sin6_port = number;
  } else {
    reinterpret_cast<sockaddr_in*>(address)->sin_port = number;
  }
}

int PortOf(const Descriptor& socket) {
  sockaddr_storage address{};
  socklen_t size = sizeof(address);
  if (getsockname(socket.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) return 0;
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port
                                             : reinterpret_cast<const sockaddr_in*>(&address)->sin_port);
}

bool IsOfAnotherMachine(int error) { return error == EADDRNOTAVAIL || error == EAFNOSUPPORT; }

// A name may have addresses of a family that this machine does not speak; an address that is taken is an error.
absl::StatusOr<ListeningSockets> ListenOnAll(const AddressList& addresses, int port,
                                             std::chrono::milliseconds user_timeout) {
  ListeningSockets listening{.sockets = {}, .port = port};
  int error = EADDRNOTAVAIL;
  for (addrinfo* info = addresses.get(); info != nullptr; info = info->ai_next) {
    SetPort(info->ai_addr, listening.port);
    Attempt attempt = TryListen(info->ai_addr, info->ai_addrlen, user_timeout);
    if (!attempt.socket.valid() && IsOfAnotherMachine(attempt.error)) continue;
    if (!attempt.socket.valid()) return absl::UnavailableError(std::strerror(attempt.error));
    if (listening.port == 0) listening.port = PortOf(attempt.socket);
    listening.sockets.push_back(std::move(attempt.socket));
  }
  if (listening.sockets.empty()) return absl::UnavailableError(std::strerror(error));
  return listening;
}

absl::StatusOr<ListeningSockets> ListenOnEveryInterface(int port, std::chrono::milliseconds user_timeout) {
  sockaddr_in6 both{};
  both.sin6_family = AF_INET6;
  sockaddr_in old{};
  old.sin_family = AF_INET;
  auto* const any6 = reinterpret_cast<sockaddr*>(&both);
  auto* const any4 = reinterpret_cast<sockaddr*>(&old);
  SetPort(any6, port);
  SetPort(any4, port);
  Attempt attempt = TryListen(any6, sizeof(both), user_timeout);
  if (!attempt.socket.valid() && IsOfAnotherMachine(attempt.error)) {
    attempt = TryListen(any4, sizeof(old), user_timeout);
  }
  if (!attempt.socket.valid()) return absl::UnavailableError(std::strerror(attempt.error));
  ListeningSockets listening{.sockets = {}, .port = PortOf(attempt.socket)};
  listening.sockets.push_back(std::move(attempt.socket));
  return listening;
}

}  // namespace

absl::StatusOr<ListeningSockets> ListenOn(const std::string& host, int port, std::chrono::milliseconds user_timeout) {
  if (host == "0.0.0.0" || host == "::") return ListenOnEveryInterface(port, user_timeout);
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE;
  addrinfo* found = nullptr;
  const int error = getaddrinfo(host.c_str(), nullptr, &hints, &found);
  if (error != 0) return absl::UnavailableError(absl::StrCat(host, ": ", gai_strerror(error)));
  return ListenOnAll(AddressList(found, &freeaddrinfo), port, user_timeout);
}

}  // namespace bayespfl::server
