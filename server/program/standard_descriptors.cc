#include "server/program/standard_descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

namespace bayespfl::server {

absl::Status KeepStandardDescriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(descriptor, F_GETFD) >= 0) continue;
    // The lowest number that is free, which is this one: those below are open by now.
    if (open("/dev/null", O_RDWR) != descriptor) {
      return absl::ErrnoToStatus(errno, "cannot open /dev/null in place of a closed standard descriptor");
    }
  }
  return absl::OkStatus();
}

}  // namespace bayespfl::server
