#include "server/telemetry/http_connection.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace bayespfl::server {

HttpConnection::HttpConnection(socket_t socket, const HttpConnectionLimits& limits)
    : socket_(socket),
      limits_(limits),
      request_until_(Clock::now() + limits.max_request_time),
      bytes_left_(limits.max_request_bytes) {}

bool HttpConnection::WaitFor(short events, Clock::time_point until) const {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now());
  if (left.count() <= 0) return false;
  pollfd polled = {.fd = socket_, .events = events, .revents = 0};
  return poll(&polled, 1, static_cast<int>(left.count())) == 1;
}

bool HttpConnection::is_readable() const { return next_ < filled_ || WaitFor(POLLIN, request_until_); }

bool HttpConnection::is_writable() const {
  return WaitFor(POLLOUT, std::min(reply_until_, Clock::now() + limits_.max_reply_time));
}

ssize_t HttpConnection::read(char* bytes, size_t size) {
  if (next_ == filled_) {
    const size_t most = std::min(buffer_.size(), bytes_left_);
    if (most == 0 || !WaitFor(POLLIN, request_until_)) return -1;
    const ssize_t received = recv(socket_, buffer_.data(), most, 0);
    if (received <= 0) return received;
    next_ = 0;
    filled_ = static_cast<size_t>(received);
    bytes_left_ -= filled_;
  }
  const size_t count = std::min(size, filled_ - next_);
  std::copy_n(buffer_.data() + next_, count, bytes);
  next_ += count;
  return static_cast<ssize_t>(count);
}

// All of it: the library takes less for an error.
ssize_t HttpConnection::write(const char* bytes, size_t size) {
  reply_until_ = std::min(reply_until_, Clock::now() + limits_.max_reply_time);
  for (size_t sent = 0; sent < size;) {
    if (!WaitFor(POLLOUT, reply_until_)) return -1;
    const ssize_t count = send(socket_, bytes + sent, size - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return -1;
    if (count > 0) sent += static_cast<size_t>(count);
  }
  return static_cast<ssize_t>(size);
}

}  // namespace bayespfl::server
