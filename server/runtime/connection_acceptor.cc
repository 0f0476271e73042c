#include "server/runtime/connection_acceptor.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <vector>

#include "absl/status/status.h"
#include "server/runtime/open_connections.h"

namespace bayespfl::server {
namespace {

// How long to wait when the process has no descriptor, or the kernel no memory, for one more connection.
constexpr int kShortageMilliseconds = 100;

constexpr std::chrono::milliseconds kBetweenCounts(10);
constexpr std::chrono::milliseconds kBetweenLooks(50);
constexpr std::chrono::milliseconds kBetweenLooksAtCalls(250);

// Of this one connection, or of none: the next may be taken at once.
bool ConcernsOneConnection(int error) {
  switch (error) {
    case EINTR:
    case ECONNABORTED:
    case EPERM:
    case ENETDOWN:
    case EPROTO:
    case ENOPROTOOPT:
    case EHOSTDOWN:
    case ENONET:
    case EHOSTUNREACH:
    case EOPNOTSUPP:
    case ENETUNREACH:
      return true;
    default:
      return false;
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> ConnectionAcceptor::Listen(AcceptorOptions options) {
  absl::StatusOr<ListeningSockets> listening = ListenOn(options.host, options.port, options.user_timeout);
  if (!listening.ok()) return listening.status();
  Descriptor stop(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  if (!stop.valid()) return absl::UnavailableError(std::strerror(errno));
  return std::unique_ptr<ConnectionAcceptor>(
      new ConnectionAcceptor(std::move(options), *std::move(listening), std::move(stop)));
}

ConnectionAcceptor::ConnectionAcceptor(AcceptorOptions options, ListeningSockets listening, Descriptor stop)
    : options_(std::move(options)), listening_(std::move(listening)), stop_(std::move(stop)) {}

void ConnectionAcceptor::Start(std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> grpc) {
  grpc_ = std::move(grpc);
  accepts_ = std::thread([this] { AcceptUntilStopped(); });
  looks_ = std::thread([this] { LookUntilStopped(); });
}

void ConnectionAcceptor::Stop() {
  const uint64_t one = 1;
  (void)!write(stop_.get(), &one, sizeof(one));  // it only fails when the number is full: then it is readable
  // First: whoever sends without end, and so keeps the thread that took his connection, is still broken off.
  if (accepts_.joinable()) accepts_.join();
  {
    const MutexLock lock(mu_);
    no_more_looks_ = true;
    changed_.NotifyAll();
  }
  if (looks_.joinable()) looks_.join();
  listening_.sockets.clear();
}

void ConnectionAcceptor::AcceptUntilStopped() {
  std::vector<pollfd> watched = {{.fd = stop_.get(), .events = POLLIN, .revents = 0}};
  for (const Descriptor& socket : listening_.sockets) {
    watched.push_back({.fd = socket.get(), .events = POLLIN, .revents = 0});
  }
  for (;;) {
    if (poll(watched.data(), watched.size(), /*timeout=*/-1) < 0) continue;  // EINTR
    if (watched.front().revents != 0) return;
    for (size_t i = 1; i < watched.size(); ++i) {
      if (watched[i].revents != 0) AcceptAll(watched[i].fd);
    }
  }
}

void ConnectionAcceptor::AcceptAll(int listening) {
  constexpr int kAtOnce = 64;  // before a look at stop_ and at the other sockets
  for (int i = 0; i < kAtOnce; ++i) {
    sockaddr_storage peer{};
    socklen_t size = sizeof(peer);
    Descriptor connection(accept4(listening, reinterpret_cast<sockaddr*>(&peer), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (connection.valid()) {
      short_ = false;
      Accept(listening, std::move(connection), reinterpret_cast<const sockaddr&>(peer));
    } else if (errno == EAGAIN || errno == EWOULDBLOCK) {
      return;
    } else if (!ConcernsOneConnection(errno)) {
      return WaitOutShortage(errno);
    }
  }
}

void ConnectionAcceptor::Accept(int listening, Descriptor connection, const sockaddr& peer) {
  if (!AddIfThereIsRoom(connection.get(), peer)) {
    if (options_.on_refused) options_.on_refused();
    return;
  }
  grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters parameters;
  parameters.listener_fd = listening;
  parameters.fd = connection.Release();
  grpc_->HandleNewConnection(&parameters);
}

// Counts only when it must, and not for each of a flood of connections: a look at every socket is a cost.
bool ConnectionAcceptor::AddIfThereIsRoom(int socket, const sockaddr& peer) {
  const auto now = std::chrono::steady_clock::now();
  const MutexLock lock(mu_);
  if (at_most_open_ >= options_.max_connections && now >= next_count_) {
    at_most_open_ = options_.connections->Count();
    next_count_ = now + kBetweenCounts;
  }
  if (at_most_open_ >= options_.max_connections) return false;
  options_.connections->Add(socket, peer);
  if (at_most_open_++ == 0) changed_.NotifyAll();
  return true;
}

void ConnectionAcceptor::LookUntilStopped() {
  std::chrono::steady_clock::time_point next_look_at_calls;
  while (WaitForTheNextLook()) {
    const size_t senders = Look();
    const auto now = std::chrono::steady_clock::now();
    if (senders == 0 || now < next_look_at_calls) continue;
    LookAtCalls();
    next_look_at_calls = now + kBetweenLooksAtCalls;
  }
}

// False: there will be none. For ever, when there is nothing to look at.
bool ConnectionAcceptor::WaitForTheNextLook() {
  const auto next = std::chrono::steady_clock::now() + kBetweenLooks;
  MutexLock lock(mu_);
  while (!no_more_looks_ && at_most_open_ == 0) changed_.Wait(mu_);
  while (!no_more_looks_ && std::chrono::steady_clock::now() < next) changed_.WaitUntil(mu_, next);
  return !no_more_looks_;
}

// How many connections are worth a look at their calls.
size_t ConnectionAcceptor::Look() {
  ConnectionTable::Look look;
  {
    const MutexLock lock(mu_);  // nobody comes between the count and its result
    look = options_.connections->BreakLargest(options_.max_incoming_bytes);
    at_most_open_ = look.open;
  }
  if (look.broken > 0 && options_.on_broken) options_.on_broken(look.broken);
  return look.senders;
}

void ConnectionAcceptor::LookAtCalls() {
  const auto sends = [this](absl::string_view peer) { return options_.connections->Sends(peer); };
  for (const PeerCalls& calls : OpenCalls(sends)) {
    if (calls.open > 2 * int64_t{options_.max_calls}) options_.connections->BreakOff(calls.peer);
  }
}

// Or a part of it, or until the stop.
void ConnectionAcceptor::WaitOutShortage(int error) {
  if (!std::exchange(short_, true) && options_.on_shortage) options_.on_shortage(std::strerror(error));
  pollfd stop = {.fd = stop_.get(), .events = POLLIN, .revents = 0};
  poll(&stop, 1, kShortageMilliseconds);
}

}  // namespace bayespfl::server
