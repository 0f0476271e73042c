// The HTTP endpoint for Prometheus and for the probes of Kubernetes.
//
//   /metrics    the metrics in the text exposition format
//   /startupz   200 once the model was loaded and warmed up
//   /livez      200 as long as restarting the process would not help
//   /readyz     200 while frames are accepted
// The probes answer "ok" with 200, or one line that says why not with 503. Other methods than GET and HEAD get 405. A
// connection carries one request, of at most 16 KiB and within 1 s, and is closed. While connections wait for one of
// the 16 threads, it must come within 0.1 s; beyond 64 that wait, new ones are closed at once. So clients that are slow
// on purpose delay a probe by little more than 1 s, and a crowd of them makes it ask again.
#ifndef BAYESPFL_SERVER_TELEMETRY_HTTP_SERVER_H_
#define BAYESPFL_SERVER_TELEMETRY_HTTP_SERVER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bayespfl::server {

// Called from the HTTP server's threads, several at once.
struct HttpHandlers {
  std::function<std::string()> metrics;
  std::function<absl::Status()> startup;
  std::function<absl::Status()> live;
  std::function<absl::Status()> ready;
};

class HttpServer {
 public:
  // Binds and starts to serve. `host` may have brackets around an IPv6 address. `port` 0 picks a free one. Unavailable:
  // the address, which the message names, cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& host, int port, HttpHandlers handlers);

  ~HttpServer();  // stops; waits for requests under way
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  int port() const;

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_HTTP_SERVER_H_
