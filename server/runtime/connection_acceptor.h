// Takes the connections of a gRPC port and hands them to gRPC, up to a limit.
//
//   absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> acceptor = ConnectionAcceptor::Listen(options);
//   auto connections = builder.experimental().AddExternalConnectionAcceptor(kFromDescriptor, credentials);
//   server = builder.BuildAndStart();
//   (*acceptor)->Start(std::move(connections));
//   ...
//   (*acceptor)->Stop();
//   server->Shutdown();
#ifndef BAYESPFL_SERVER_RUNTIME_CONNECTION_ACCEPTOR_H_
#define BAYESPFL_SERVER_RUNTIME_CONNECTION_ACCEPTOR_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "base/descriptor.h"
#include "base/mutex.h"
#include "grpcpp/server_builder.h"
#include "server/runtime/connection_table.h"
#include "server/runtime/listening_sockets.h"

namespace bayespfl::server {

struct AcceptorOptions {
  std::string host = "127.0.0.1";                  // without brackets
  int port = 0;                                    // 0: a free one
  size_t max_connections = 512;                    // >= 1; open at once
  std::chrono::milliseconds user_timeout{10'000};  // ListenOn()'s
  // Where the connections are kept; must be given. Whoever notes messages there may set max_incoming_bytes as well.
  std::shared_ptr<ConnectionTable> connections;
  int64_t max_incoming_bytes = std::numeric_limits<int64_t>::max();  // ConnectionTable::BreakLargest()'s
  // >= 1; what the server grants each connection. gRPC holds a client to it only when that has acknowledged the grant;
  // one that does not, and has twice as many open, is broken off here.
  int max_calls = std::numeric_limits<int>::max() / 2;

  // A connection was closed as soon as it had come, because so many are open. From the acceptor's thread; may be empty.
  std::function<void()> on_refused = {};
  // The process has no descriptor left for a connection, or the system no memory; those that come wait. Called once
  // when that begins, from the acceptor's thread, with what the system says; may be empty.
  std::function<void(const std::string& reason)> on_shortage = {};
  // So many connections were broken off (ConnectionTable). From the thread that looks; may be empty.
  std::function<void(size_t connections)> on_broken = {};
};

// gRPC's own listener knows no limit, and version 1.51 stops listening for good when the process has no descriptor left
// for a connection (CVE-2023-4785). Here both end when others leave.
//
// What clients have on their way to the services is looked at twenty times a second, by a thread of its own: gRPC reads
// what comes over a new connection in the thread that hands it over, and goes on for as long as more is there already.
// Beyond its limit the connection with most of it is broken off. So whoever sends too much loses his own connection,
// and does so before gRPC's own limit is met, which ends calls of whoever was there first.
//
// A connection over the limit is closed at once, and not left waiting: its client goes to another server, or comes
// back. Those whose handshake is under way count too. A place is free a few milliseconds after its connection's end.
//
// Thread-safe, but for the destructor.
class ConnectionAcceptor {
 public:
  // Binds; the kernel keeps connections waiting until Start(). Errors as ListenOn().
  static absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> Listen(AcceptorOptions options);
  ~ConnectionAcceptor() { Stop(); }
  ConnectionAcceptor(const ConnectionAcceptor&) = delete;
  ConnectionAcceptor& operator=(const ConnectionAcceptor&) = delete;

  int port() const { return listening_.port; }

  // Connections go to `grpc`, whose server runs. Call it once.
  void Start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc);

  // Closes the port; connections that are open go on. One thread calls it; it may call again.
  void Stop();

  // Of this port.
  size_t OpenConnections() { return options_.connections->Count(); }

 private:
  ConnectionAcceptor(AcceptorOptions options, ListeningSockets listening, Descriptor stop);

  void AcceptUntilStopped();
  void AcceptAll(int listening);
  void Accept(int listening, Descriptor connection, const sockaddr& peer);
  bool AddIfThereIsRoom(int socket, const sockaddr& peer);
  void WaitOutShortage(int error);
  void LookUntilStopped();
  bool WaitForTheNextLook();
  size_t Look();
  void LookAtCalls();

  const AcceptorOptions options_;
  ListeningSockets listening_;
  const Descriptor stop_;  // an eventfd: readable from Stop() on
  // The accepting thread's own:
  std::chrono::steady_clock::time_point next_count_;  // not before
  bool short_ = false;                                // no connection could be taken since the last one

  Mutex mu_;
  CondVar changed_;
  size_t at_most_open_ ABSL_GUARDED_BY(mu_) = 0;  // connections: those of the last count, and all that came since
  bool no_more_looks_ ABSL_GUARDED_BY(mu_) = false;

  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc_;
  std::thread accepts_;
  std::thread looks_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_CONNECTION_ACCEPTOR_H_
