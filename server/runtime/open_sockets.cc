#include "server/runtime/open_sockets.h"

#include <sys/stat.h>

#include <optional>

namespace bayespfl::server {
namespace {

std::optional<ino_t> InodeOf(int descriptor) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 ? std::optional(status.st_ino) : std::nullopt;
}

}  // namespace

void OpenSockets::Add(int socket) {
  const std::optional<ino_t> inode = InodeOf(socket);
  if (!inode.has_value()) return;
  MutexLock lock(mu_);
  inodes_[socket] = *inode;  // whoever had the number before has been closed
}

size_t OpenSockets::Count() {
  MutexLock lock(mu_);
  for (auto entry = inodes_.begin(); entry != inodes_.end();) {
    entry = InodeOf(entry->first) == entry->second ? std::next(entry) : inodes_.erase(entry);
  }
  return inodes_.size();
}

}  // namespace bayespfl::server
