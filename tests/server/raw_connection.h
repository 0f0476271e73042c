// A TCP connection without manners.
#ifndef BAYESPFL_TESTS_SERVER_RAW_CONNECTION_H_
#define BAYESPFL_TESTS_SERVER_RAW_CONNECTION_H_

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Fails the test when it cannot connect, or the peer says nothing for 20 s while somebody waits for it. One
// thread may send while another one reads.
class RawConnection {
 public:
  // To a port of 127.0.0.1.
  explicit RawConnection(int port) : socket_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience = {.tv_sec = 20, .tv_usec = 0};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (socket_ < 0 || connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      ADD_FAILURE() << "cannot connect to port " << port;
    }
  }
  ~RawConnection() { close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  // Sends as much as the peer takes; false: it has closed the connection before all of it.
  bool Send(absl::string_view bytes) const {
    while (!bytes.empty()) {
      const ssize_t sent = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<size_t>(sent));
    }
    return true;
  }

  // Reads until `enough` holds for what has come, or the peer has closed; what has come.
  template <typename Predicate>
  std::string ReadUntil(Predicate enough) const {
    std::string received;
    std::array<char, 4096> buffer{};
    while (!enough(received)) {
      const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
      if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "the peer says nothing";
      if (count <= 0) break;
      received.append(buffer.data(), static_cast<size_t>(count));
    }
    return received;
  }

  std::string ReadToEnd() const {
    return ReadUntil([](const std::string& /*received*/) { return false; });
  }

  // Reads to the end, then ends the connection on this side too, so that a Send() that waits in another thread returns:
  // where the peer had no room for more, the kernel would let it wait for minutes after the peer has gone.
  void HangUpWithThePeer() const {
    (void)ReadToEnd();
    shutdown(socket_, SHUT_RDWR);
  }

  // Closes the sending side and reads to the end.
  std::string Finish() const {
    shutdown(socket_, SHUT_WR);
    return ReadToEnd();
  }

  // From now on the end is a reset, which also drops what is on its way.
  void EndWithReset() const {
    const linger at_once = {.l_onoff = 1, .l_linger = 0};
    setsockopt(socket_, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  }

 private:
  int socket_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_RAW_CONNECTION_H_
