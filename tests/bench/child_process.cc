#include "tests/bench/child_process.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <iostream>

#include "absl/time/clock.h"

namespace bayespfl {
namespace {

constexpr absl::Duration kStopPatience = absl::Seconds(10);

absl::Status Gone() { return absl::UnavailableError("a process of the bench is gone"); }

// Whether there is something to read within `patience`, the end included.
bool Readable(int socket, absl::Duration patience) {
  const absl::Time end = absl::Now() + patience;
  for (;;) {
    pollfd readable{.fd = socket, .events = POLLIN, .revents = 0};
    int64_t left = -1;
    if (patience != absl::InfiniteDuration()) {
      left = std::max<int64_t>(0, absl::ToInt64Milliseconds(end - absl::Now()) + 1);
    }
    const int count = poll(&readable, 1, static_cast<int>(left));
    if (count >= 0 || errno != EINTR) return count > 0;
  }
}

[[noreturn]] void RunChild(absl::string_view what, absl::FunctionRef<absl::Status(const ProcessChannel&)> body,
                           Descriptor socket) {
  std::signal(SIGINT, SIG_IGN);  // of the terminal: the parent's to end on
  const absl::Status status = body(ProcessChannel(std::move(socket)));
  if (!status.ok()) std::cerr << what << ": " << status.message() << std::endl;
  // At once: what was buffered before the fork is the parent's to write.
  std::_Exit(status.ok() ? EXIT_SUCCESS : EXIT_FAILURE);
}

}  // namespace

absl::Status ProcessChannel::SendBytes(const void* bytes, size_t count) const {
  const ssize_t sent = send(socket_.get(), bytes, count, MSG_NOSIGNAL);
  return sent == static_cast<ssize_t>(count) ? absl::OkStatus() : Gone();
}

absl::Status ProcessChannel::ReceiveBytes(void* bytes, size_t count, absl::Duration patience) const {
  if (!Readable(socket_.get(), patience)) return absl::DeadlineExceededError("a process of the bench does not answer");
  const ssize_t received = recv(socket_.get(), bytes, count, 0);
  return received == static_cast<ssize_t>(count) ? absl::OkStatus() : Gone();
}

absl::StatusOr<std::unique_ptr<ChildProcess>> ChildProcess::Start(
    absl::string_view what, absl::FunctionRef<absl::Status(const ProcessChannel&)> body) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
    return absl::ErrnoToStatus(errno, "cannot make a pair of sockets");
  }
  Descriptor own(ends[0]);
  Descriptor childs(ends[1]);
  const pid_t process = fork();
  if (process < 0) return absl::ErrnoToStatus(errno, "cannot start a process");
  if (process == 0) {
    own = Descriptor();
    RunChild(what, body, std::move(childs));
  }
  return std::unique_ptr<ChildProcess>(new ChildProcess(process, std::move(own)));
}

ChildProcess::~ChildProcess() {
  channel_.reset();
  const absl::Time end = absl::Now() + kStopPatience;
  while (waitpid(process_, nullptr, WNOHANG) == 0) {
    if (absl::Now() > end) {
      kill(process_, SIGKILL);
      waitpid(process_, nullptr, 0);
      return;
    }
    absl::SleepFor(absl::Milliseconds(10));
  }
}

}  // namespace bayespfl
