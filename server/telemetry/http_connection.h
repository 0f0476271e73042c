// One HTTP connection, with bounds on what its client may send and take its time for. The library by itself reads
// lines, headers and chunked bodies of any length into memory, and waits anew for every byte.
#ifndef BAYESPFL_SERVER_TELEMETRY_HTTP_CONNECTION_H_
#define BAYESPFL_SERVER_TELEMETRY_HTTP_CONNECTION_H_

#include <sys/types.h>
#include "base/http_library.h"

#include <array>
#include <chrono>
#include <cstddef>
#include <string>

namespace bayespfl::server {

struct HttpConnectionLimits {
  size_t max_request_bytes = size_t{16} << 10;  // line and headers together
  std::chrono::milliseconds max_request_time{1000};
  std::chrono::milliseconds max_reply_time{5000};
};

// Beyond a limit reads and writes fail, as if the client had left. Not thread-safe.
class HttpConnection final : public httplib::Stream {
 public:
  // `socket` stays the caller's. The request's time begins now, the reply's with its first byte.
  HttpConnection(socket_t socket, const HttpConnectionLimits& limits);

  bool is_readable() const override;
  bool is_writable() const override;
  ssize_t read(char* bytes, size_t size) override;
  ssize_t write(const char* bytes, size_t size) override;
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}  // nobody asks
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return socket_; }

 private:
  using Clock = std::chrono::steady_clock;

  // Whether poll() reports `events` before `until`.
  bool WaitFor(short events, Clock::time_point until) const;

  const socket_t socket_;
  const HttpConnectionLimits limits_;
  const Clock::time_point request_until_;
  Clock::time_point reply_until_ = Clock::time_point::max();
  size_t bytes_left_;  // that may still be received
  std::array<char, 1024> buffer_{};
  size_t next_ = 0;  // of buffer_, to be read
  size_t filled_ = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_HTTP_CONNECTION_H_
