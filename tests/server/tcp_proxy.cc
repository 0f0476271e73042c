#include "tests/server/tcp_proxy.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

int NewSocket() { return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0); }

}  // namespace

TcpProxy::TcpProxy(int target_port)
    : target_port_(target_port), listener_(NewSocket()), wake_(eventfd(0, EFD_CLOEXEC)) {
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof(address);
  if (bind(listener_, reinterpret_cast<const sockaddr*>(&address), size) != 0 || listen(listener_, SOMAXCONN) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    ADD_FAILURE() << "cannot listen";
  }
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Run(); });
}

TcpProxy::~TcpProxy() {
  done_ = true;
  Wake();
  thread_.join();
  for (const auto& [client, server] : pairs_) {
    close(client);
    close(server);
  }
  close(listener_);
  close(wake_);
}

std::string TcpProxy::address() const { return absl::StrCat("127.0.0.1:", port_); }

void TcpProxy::FallSilent() {
  silent_ = true;
  Wake();
}

void TcpProxy::Wake() const {
  const uint64_t one = 1;
  EXPECT_EQ(write(wake_, &one, sizeof(one)), static_cast<ssize_t>(sizeof(one)));
}

void TcpProxy::Run() {
  while (!done_) {
    std::vector<pollfd> waiting = {{.fd = wake_, .events = POLLIN, .revents = 0}};
    if (!silent_) {
      waiting.push_back({.fd = listener_, .events = POLLIN, .revents = 0});
      for (const auto& [client, server] : pairs_) {
        waiting.push_back({.fd = client, .events = POLLIN, .revents = 0});
        waiting.push_back({.fd = server, .events = POLLIN, .revents = 0});
      }
    }
    poll(waiting.data(), waiting.size(), -1);
    if (waiting[0].revents != 0) {
      uint64_t ignored = 0;
      EXPECT_EQ(read(wake_, &ignored, sizeof(ignored)), static_cast<ssize_t>(sizeof(ignored)));
      continue;
    }
    for (size_t i = pairs_.size(); i-- > 0;) {
      const auto [client, server] = pairs_[i];
      const bool client_open = waiting[2 + 2 * i].revents == 0 || PassOn(client, server);
      const bool server_open = waiting[3 + 2 * i].revents == 0 || PassOn(server, client);
      if (client_open && server_open) continue;
      close(client);
      close(server);
      pairs_.erase(pairs_.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if (waiting[1].revents != 0) Accept();
  }
}

void TcpProxy::Accept() {
  const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  const int server = NewSocket();
  const sockaddr_in address = Loopback(target_port_);
  if (client < 0 || connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    ADD_FAILURE() << "cannot connect to port " << target_port_;
  }
  pairs_.emplace_back(client, server);
  ++connections_;
}

// False: one of them has closed.
bool TcpProxy::PassOn(int from, int to) {
  std::array<char, 65536> buffer{};
  const ssize_t count = recv(from, buffer.data(), buffer.size(), 0);
  for (ssize_t sent = 0; sent < count;) {
    const ssize_t more = send(to, buffer.data() + sent, static_cast<size_t>(count - sent), MSG_NOSIGNAL);
    if (more <= 0) return false;
    sent += more;
  }
  return count > 0;
}

}  // namespace bayespfl::server
