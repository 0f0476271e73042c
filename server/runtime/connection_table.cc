#include "server/runtime/connection_table.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "base/descriptor.h"

namespace bayespfl::server {
namespace {

// What comes with a message besides its bytes: the frames of HTTP/2 and TLS (a hundredth at most), the header fields of
// its call, and the words of flow control for its reply.
constexpr int64_t AroundMessage(int64_t bytes) { return bytes / 100 + (int64_t{16} << 10); }

// Calls that were reset before their message had come: as many as may be open at once may end so at one moment, when
// their deadlines pass. A few are forgiven at each look.
constexpr int64_t kMostResets = 200;
constexpr int64_t kForgivenResets = 5;

// Bytes on their way from which on a connection's calls are worth a look.
constexpr int64_t kSome = int64_t{16} << 10;

std::optional<ino_t> InodeOf(int descriptor) {
  struct stat status{};
  return fstat(descriptor, &status) == 0 ? std::optional(status.st_ino) : std::nullopt;
}

// One way to write a peer, whatever stands for its brackets, and whether an IPv4 client came over a socket for both.
std::string Normalized(absl::string_view peer) {
  const std::string plain = absl::StrReplaceAll(peer, {{"%5B", "["}, {"%5D", "]"}, {"%25", "%"}});
  absl::string_view mapped = plain;
  if (!absl::ConsumePrefix(&mapped, "ipv6:[::ffff:")) return plain;
  return absl::StrCat("ipv4:", absl::StrReplaceAll(mapped, {{"]", ""}}));
}

std::string PeerOf(const sockaddr& address) {
  std::array<char, INET6_ADDRSTRLEN> text{};
  if (address.sa_family == AF_INET6) {
    const auto& peer = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &peer.sin6_addr, text.data(), text.size());
    const std::string zone = peer.sin6_scope_id == 0 ? std::string() : absl::StrCat("%", peer.sin6_scope_id);
    return Normalized(absl::StrCat("ipv6:[", text.data(), zone, "]:", ntohs(peer.sin6_port)));
  }
  const auto& peer = reinterpret_cast<const sockaddr_in&>(address);
  inet_ntop(AF_INET, &peer.sin_addr, text.data(), text.size());
  return absl::StrCat("ipv4:", text.data(), ":", ntohs(peer.sin_port));
}

// All that has come over a connection since it began; 0: the kernel does not say.
int64_t BytesReceived(int socket) {
  tcp_info info{};
  socklen_t size = sizeof(info);
  if (getsockopt(socket, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) return 0;
  return static_cast<int64_t>(info.tcpi_bytes_received);
}

// Ends the connection for both sides, if the number is still its: a descriptor of our own cannot become another one
// between the look and the end.
void Break(int socket, ino_t inode) {
  const Descriptor own(fcntl(socket, F_DUPFD_CLOEXEC, 0));
  if (own.valid() && InodeOf(own.get()) == inode) shutdown(own.get(), SHUT_RDWR);
}

}  // namespace

void ConnectionTable::Add(int socket, const sockaddr& peer) {
  const std::optional<ino_t> inode = InodeOf(socket);
  if (!inode.has_value()) return;
  MutexLock lock(mu_);
  connections_[PeerOf(peer)] = {.socket = socket, .inode = *inode};  // whoever had the address before has gone
}

size_t ConnectionTable::Count() {
  MutexLock lock(mu_);
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    const Connection& connection = entry->second;
    entry = InodeOf(connection.socket) == connection.inode ? std::next(entry) : connections_.erase(entry);
  }
  return connections_.size();
}

void ConnectionTable::NoteMessage(absl::string_view peer, size_t bytes) {
  const std::string name = Normalized(peer);
  MutexLock lock(mu_);
  const auto found = connections_.find(name);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  const auto size = static_cast<int64_t>(bytes);
  connection.explained += size + AroundMessage(size);
  if (size > 0 || ++connection.resets <= kMostResets) return;
  Break(connection.socket, connection.inode);
  connections_.erase(found);
  ++broken_;
}

int64_t ConnectionTable::IncomingBytes() {
  MutexLock lock(mu_);
  return std::accumulate(connections_.begin(), connections_.end(), int64_t{0},
                         [](int64_t sum, const auto& entry) { return sum + entry.second.pending; });
}

bool ConnectionTable::Sends(absl::string_view peer) {
  const std::string name = Normalized(peer);
  MutexLock lock(mu_);
  const auto found = connections_.find(name);
  return found != connections_.end() && found->second.pending > kSome;
}

void ConnectionTable::BreakOff(absl::string_view peer) {
  const std::string name = Normalized(peer);
  MutexLock lock(mu_);
  const auto found = connections_.find(name);
  if (found == connections_.end()) return;
  Break(found->second.socket, found->second.inode);
  connections_.erase(found);
  ++broken_;
}

ConnectionTable::Look ConnectionTable::BreakLargest(int64_t max_bytes) {
  MutexLock lock(mu_);
  int64_t pending = LookAtAll();
  Look look{.broken = std::exchange(broken_, 0)};
  for (; pending > max_bytes && !connections_.empty(); ++look.broken) {
    const auto largest = Largest();
    pending -= largest->second.pending;
    Break(largest->second.socket, largest->second.inode);
    connections_.erase(largest);
  }
  look.open = connections_.size();
  look.senders = static_cast<size_t>(std::count_if(connections_.begin(), connections_.end(),
                                                   [](const auto& entry) { return entry.second.pending > kSome; }));
  return look;
}

// What is pending on all of them. Nobody saves up: what was allowed for and did not come is gone at the next look.
int64_t ConnectionTable::LookAtAll() {
  int64_t pending = 0;
  for (auto entry = connections_.begin(); entry != connections_.end();) {
    Connection& connection = entry->second;
    if (InodeOf(connection.socket) != connection.inode) {
      entry = connections_.erase(entry);
      continue;
    }
    const int64_t received = BytesReceived(connection.socket);
    connection.explained = std::min(connection.explained, received);
    connection.pending = received - connection.explained;
    pending += connection.pending;
    connection.resets = std::max<int64_t>(0, connection.resets - kForgivenResets);
    ++entry;
  }
  return pending;
}

ConnectionTable::Connections::iterator ConnectionTable::Largest() {
  return std::max_element(connections_.begin(), connections_.end(),
                          [](const auto& one, const auto& other) { return one.second.pending < other.second.pending; });
}

}  // namespace bayespfl::server
