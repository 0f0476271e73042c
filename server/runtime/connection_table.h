// The connections that were handed to gRPC: how many are still open, and what their clients have sent that no service
// has got yet.
#ifndef BAYESPFL_SERVER_RUNTIME_CONNECTION_TABLE_H_
#define BAYESPFL_SERVER_RUNTIME_CONNECTION_TABLE_H_

#include <sys/socket.h>
#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"

namespace bayespfl::server {

// gRPC closes the sockets. A descriptor's number is given out again then; the inode of a socket is not while that is
// open. So a connection is open as long as its number has its inode: who looks needs neither a descriptor of his own,
// which would keep the socket open, nor word from gRPC.
//
// gRPC 1.51 says to nobody what it holds of messages that are not complete, and looks at the limit of a message only
// when it is: of one that says it has 4 GiB it takes 4 GiB. But the kernel counts what has come over a connection, and
// the services what they got. The difference is with gRPC, but for what HTTP/2 and TLS add, which is allowed for. (What
// is reset half-way stays in the difference, so that a client which does nothing else is taken for a large one some
// day. That it has no call open does not say that gRPC holds nothing: fields that never end are no call yet.)
//
// Thread-safe.
class ConnectionTable {
 public:
  // `socket` is open, to `peer`.
  void Add(int socket, const sockaddr& peer);

  // Connections that are open. Costs a system call for each.
  size_t Count();

  // A service has got a message of so many bytes from the peer, as grpc::ServerContextBase::peer() writes it. No
  // request has none: that is a call which was reset before its message had come. A connection with one such call after
  // another is broken off: each costs the server more than the peer, and no limit on open calls is ever met ("rapid
  // reset", CVE-2023-44487).
  void NoteMessage(absl::string_view peer, size_t bytes);

  struct Look {
    size_t open = 0;     // connections
    size_t broken = 0;   // since the last look
    size_t senders = 0;  // for which Sends() is true
  };
  // Breaks connections off, the one with most bytes on their way to a service first, until all together have no more
  // than `max_bytes`. Costs two system calls for each connection that is open.
  Look BreakLargest(int64_t max_bytes);

  // What is on its way to the services over all of them together, as of the last look.
  int64_t IncomingBytes();

  // Whether more has come from the peer, as of the last look, than a few calls without their messages have.
  bool Sends(absl::string_view peer);

  // Breaks the peer's connection off.
  void BreakOff(absl::string_view peer);

 private:
  struct Connection {
    int socket = -1;
    ino_t inode = 0;
    int64_t explained = 0;  // bytes that came and have gone to a service, or are no part of a message
    int64_t pending = 0;    // those that came and are not; as of the last look
    int64_t resets = 0;     // calls without a message, less those that are forgiven
  };
  using Connections = std::unordered_map<std::string, Connection>;

  int64_t LookAtAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  Connections::iterator Largest() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  Mutex mu_;
  Connections connections_ ABSL_GUARDED_BY(mu_);  // by peer
  size_t broken_ ABSL_GUARDED_BY(mu_) = 0;        // that no look has told of
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_CONNECTION_TABLE_H_
