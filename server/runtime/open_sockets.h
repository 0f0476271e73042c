// How many of the sockets that were handed to somebody else, who closes them, are still open.
#ifndef BAYESPFL_SERVER_RUNTIME_OPEN_SOCKETS_H_
#define BAYESPFL_SERVER_RUNTIME_OPEN_SOCKETS_H_

#include <sys/types.h>

#include <cstddef>
#include <unordered_map>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace bayespfl::server {

// A descriptor's number is given out again when it is closed; the inode of a socket is not while that is open. So a
// socket is open as long as its number has its inode: who looks needs neither a descriptor of his own, which would keep
// the socket open, nor word from the one who closes it. A look at a socket costs one system call.
//
// Thread-safe.
class OpenSockets {
 public:
  // `socket` is open.
  void Add(int socket);

  // Looks at all of them.
  size_t Count();

 private:
  Mutex mu_;
  std::unordered_map<int, ino_t> inodes_ ABSL_GUARDED_BY(mu_);  // by descriptor
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_RUNTIME_OPEN_SOCKETS_H_
