#include "server/telemetry/http_server.h"

#include <httplib.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

constexpr size_t kThreads = 16;         // waiting, most of the time
constexpr size_t kMaxBodyBytes = 4096;  // nothing here takes a body

// From the moment when a thread takes a connection to its end: so long one client can hold a thread, and the stop.
constexpr std::chrono::seconds kConnectionTime(2);

// One connection, until its time is up. The library's own stream limits each read and write alone: a client that sends
// a byte now and then would hold a thread for hours.
class TimedStream final : public httplib::Stream {
 public:
  explicit TimedStream(socket_t socket) : socket_(socket), end_(std::chrono::steady_clock::now() + kConnectionTime) {}

  bool is_readable() const override { return next_ < size_ || WaitFor(POLLIN); }
  bool is_writable() const override { return WaitFor(POLLOUT); }

  // The library reads heads byte by byte.
  ssize_t read(char* bytes, size_t size) override {
    if (next_ == size_) {
      if (!WaitFor(POLLIN)) return -1;
      const ssize_t got = recv(socket_, buffer_.data(), buffer_.size(), 0);
      if (got <= 0) return got;
      next_ = 0;
      size_ = static_cast<size_t>(got);
    }
    const size_t taken = std::min(size, size_ - next_);
    std::copy_n(buffer_.begin() + static_cast<ptrdiff_t>(next_), taken, bytes);
    next_ += taken;
    return static_cast<ssize_t>(taken);
  }

  ssize_t write(const char* bytes, size_t size) override {
    return WaitFor(POLLOUT) ? send(socket_, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) : -1;
  }

  // No handler asks who is there.
  void get_remote_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  void get_local_ip_and_port(std::string& /*ip*/, int& /*port*/) const override {}
  socket_t socket() const override { return socket_; }

 private:
  bool WaitFor(short event) const {
    for (;;) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
      pollfd descriptor{.fd = socket_, .events = event, .revents = 0};
      const int ready = left > 0 ? poll(&descriptor, 1, static_cast<int>(left)) : 0;
      if (ready >= 0 || errno != EINTR) return ready > 0;
    }
  }

  const socket_t socket_;
  const std::chrono::steady_clock::time_point end_;
  std::array<char, 4096> buffer_{};
  size_t next_ = 0;  // of what is in the buffer
  size_t size_ = 0;
};

// Answers one request on each connection.
class TimedServer final : public httplib::Server {
 private:
  bool process_and_close_socket(socket_t socket) override {
    bool answered = false;
    // The library's sign of a stop: connections that still wait for a thread then go unanswered.
    if (svr_sock_ != INVALID_SOCKET) {
      TimedStream stream(socket);
      bool closed = false;
      answered = process_request(stream, /*close_connection=*/true, closed, nullptr);
    }
    shutdown(socket, SHUT_RDWR);
    close(socket);
    return answered;
  }
};

// The library's own default shares the port with other processes, so that a second server would start unnoticed.
void SetSocketOptions(socket_t socket) {
  const int on = 1;
  setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
}

void AddProbe(httplib::Server& server, const std::string& path, std::function<absl::Status()> probe) {
  server.Get(path, [probe = std::move(probe)](const httplib::Request& /*request*/, httplib::Response& response) {
    const absl::Status status = probe();
    response.status = status.ok() ? 200 : 503;
    response.set_content(status.ok() ? "ok\n" : absl::StrCat(status.message(), "\n"), "text/plain; charset=utf-8");
  });
}

}  // namespace

struct HttpServer::Impl {
  TimedServer server;
  std::thread thread;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port,
                                                              HttpHandlers handlers) {
  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  server.set_socket_options(SetSocketOptions);
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };  // the library deletes it
  server.set_payload_max_length(kMaxBodyBytes);
  server.Get("/metrics",
             [metrics = std::move(handlers.metrics)](const httplib::Request& /*request*/, httplib::Response& response) {
               response.set_content(metrics(), "text/plain; version=0.0.4; charset=utf-8");
             });
  AddProbe(server, "/startupz", std::move(handlers.startup));
  AddProbe(server, "/livez", std::move(handlers.live));
  AddProbe(server, "/readyz", std::move(handlers.ready));

  if (port == 0) {
    impl->port = server.bind_to_any_port(host);
  } else if (server.bind_to_port(host, port)) {
    impl->port = port;
  }
  if (impl->port <= 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", host, ":", port,
                                               " (HTTP): the address is in use, "
                                               "not of this machine, or not permitted"));
  }
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() does nothing before the loop runs; so wait for it.
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->server.stop();
  impl_->thread.join();
}

int HttpServer::port() const { return impl_->port; }

}  // namespace bayespfl::server
