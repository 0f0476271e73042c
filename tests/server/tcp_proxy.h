// A TCP connection's way through somebody else, who can fall silent: what a peer sees of a machine that lost its power.
#ifndef BAYESPFL_TESTS_SERVER_TCP_PROXY_H_
#define BAYESPFL_TESTS_SERVER_TCP_PROXY_H_

#include <atomic>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace bayespfl::server {

// Listens on a free port of 127.0.0.1 and passes on what comes, both ways. A failure of the sockets fails the test.
// Thread-safe.
class TcpProxy {
 public:
  // To this port of 127.0.0.1.
  explicit TcpProxy(int target_port);
  ~TcpProxy();  // closes all connections
  TcpProxy(const TcpProxy&) = delete;
  TcpProxy& operator=(const TcpProxy&) = delete;

  std::string address() const;

  // Taken so far.
  int connections() const { return connections_; }

  // From now on it reads and sends nothing, and closes nothing either.
  void FallSilent();

 private:
  void Run();
  void Accept();
  bool PassOn(int from, int to);
  void Wake() const;

  const int target_port_;
  int listener_ = -1;
  int port_ = 0;
  int wake_ = -1;                           // an eventfd
  std::vector<std::pair<int, int>> pairs_;  // of the thread
  std::atomic<int> connections_{0};
  std::atomic<bool> silent_{false};
  std::atomic<bool> done_{false};
  std::thread thread_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_TCP_PROXY_H_
