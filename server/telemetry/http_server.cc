#include "server/telemetry/http_server.h"

#include <sys/socket.h>
#include <unistd.h>
#include "base/http_library.h"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/loopback_host.h"
#include "server/telemetry/http_connection.h"

namespace bayespfl::server {
namespace {

constexpr size_t kThreads = 16;     // waiting, most of the time
constexpr size_t kMaxWaiting = 64;  // connections without a thread
constexpr std::chrono::milliseconds kCrowdedRequestTime(100);

// The library's thread pool, with a bound on what waits for it.
class ConnectionQueue final : public httplib::TaskQueue {
 public:
  // `waiting` counts the connections that wait; it outlives the queue.
  explicit ConnectionQueue(std::atomic<size_t>& waiting) : waiting_(waiting), pool_(kThreads) {}

  // Beyond the bound the accepting thread itself gets to serve the connection, which BoundedServer takes as a sign.
  void enqueue(std::function<void()> serve) override {
    if (waiting_ >= kMaxWaiting) return serve();
    ++waiting_;
    pool_.enqueue([this, serve = std::move(serve)] {
      --waiting_;
      serve();
    });
  }
  void shutdown() override { pool_.shutdown(); }

 private:
  std::atomic<size_t>& waiting_;
  httplib::ThreadPool pool_;
};

// One request for each connection, within HttpConnectionLimits: an idle connection would hold a thread, and the stop.
class BoundedServer final : public httplib::Server {
 public:
  BoundedServer() {
    new_task_queue = [this] { return new ConnectionQueue(waiting_); };  // the library deletes it
  }

  // Serves in the calling thread until the stop.
  void Accept() {
    accepting_thread_ = std::this_thread::get_id();
    listen_after_bind();
  }

 private:
  bool process_and_close_socket(socket_t socket) override {
    bool answered = false;
    const bool full = std::this_thread::get_id() == accepting_thread_;
    // The library's sign of a stop: connections that still wait for a thread then go unanswered.
    if (!full && svr_sock_ != INVALID_SOCKET) {
      HttpConnectionLimits limits;
      if (waiting_ > 0) limits.max_request_time = kCrowdedRequestTime;  // a probe has sent its request by now
      HttpConnection connection(socket, limits);
      bool closed = false;
      answered = process_request(connection, /*close_connection=*/true, closed, nullptr);
    }
    shutdown(socket, SHUT_RDWR);
    close(socket);
    return answered;
  }

  std::atomic<size_t> waiting_{0};
  std::thread::id accepting_thread_;
};

// Nothing here takes a body; refused before the library would read one.
httplib::Server::HandlerResponse RefuseBodies(const httplib::Request& request, httplib::Response& response) {
  if (request.method == "GET" || request.method == "HEAD") return httplib::Server::HandlerResponse::Unhandled;
  response.status = 405;
  response.set_header("Allow", "GET, HEAD");
  return httplib::Server::HandlerResponse::Handled;
}

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
  BoundedServer server;
  std::thread thread;
  int port = 0;
};

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& host, int port,
                                                              HttpHandlers handlers) {
  auto impl = std::make_unique<Impl>();
  BoundedServer& server = impl->server;
  server.set_socket_options(SetSocketOptions);
  server.set_pre_routing_handler(RefuseBodies);
  server.Get("/metrics",
             [metrics = std::move(handlers.metrics)](const httplib::Request& /*request*/, httplib::Response& response) {
               response.set_content(metrics(), "text/plain; version=0.0.4; charset=utf-8");
             });
  AddProbe(server, "/startupz", std::move(handlers.startup));
  AddProbe(server, "/livez", std::move(handlers.live));
  AddProbe(server, "/readyz", std::move(handlers.ready));

  // The library hands the address to the resolver, which knows no brackets.
  const std::string bare(WithoutBrackets(host));
  if (port == 0) {
    impl->port = server.bind_to_any_port(bare);
  } else if (server.bind_to_port(bare, port)) {
    impl->port = port;
  }
  if (impl->port <= 0) {
    return absl::UnavailableError(absl::StrCat("cannot listen on ", host, ":", port,
                                               " (HTTP): the address is in use, "
                                               "not of this machine, or not permitted"));
  }
  impl->thread = std::thread([&server] { server.Accept(); });
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
