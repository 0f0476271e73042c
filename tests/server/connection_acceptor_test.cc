// Connections up to a limit, over real sockets.
#include "server/runtime/connection_acceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "base/descriptor.h"
#include "base/mutex.h"
#include "server/runtime/connection_table.h"
#include "server/runtime/listening_sockets.h"
#include "tests/server/raw_connection.h"
#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

constexpr std::chrono::milliseconds kUserTimeout(10'000);

// In gRPC's place: keeps what it gets.
class Keeper final : public grpc::experimental::ExternalConnectionAcceptor {
 public:
  void HandleNewConnection(NewConnectionParameters* connection) override {
    MutexLock lock(mu_);
    kept_.emplace_back(connection->fd);
    ++count_;
  }

  int count() const { return count_; }
  void CloseOne() {
    MutexLock lock(mu_);
    kept_.pop_back();
  }

 private:
  std::atomic<int> count_{0};  // of all that came
  Mutex mu_;
  std::vector<Descriptor> kept_ ABSL_GUARDED_BY(mu_);
};

class ConnectionAcceptorTest : public ::testing::Test {
 protected:
  void Start(size_t max_connections) {
    absl::StatusOr<std::unique_ptr<ConnectionAcceptor>> acceptor =
        ConnectionAcceptor::Listen({.max_connections = max_connections,
                                    .connections = table_,
                                    .max_incoming_bytes = max_incoming_bytes_,
                                    .on_refused = [this] { ++refused_; },
                                    .on_shortage = [this](const std::string& /*reason*/) { ++shortages_; },
                                    .on_broken = [this](size_t connections) { broken_ += connections; }});
    ASSERT_TRUE(acceptor.ok()) << acceptor.status();
    acceptor_ = *std::move(acceptor);
    auto keeper = std::make_unique<Keeper>();
    keeper_ = keeper.get();
    acceptor_->Start(std::move(keeper));
  }
  std::unique_ptr<RawConnection> Connect() const { return std::make_unique<RawConnection>(acceptor_->port()); }

  const std::shared_ptr<ConnectionTable> table_ = std::make_shared<ConnectionTable>();
  int64_t max_incoming_bytes_ = int64_t{1} << 40;
  std::atomic<size_t> broken_{0};
  std::atomic<int> refused_{0};
  std::atomic<int> shortages_{0};
  std::unique_ptr<ConnectionAcceptor> acceptor_;
  Keeper* keeper_ = nullptr;
};

TEST_F(ConnectionAcceptorTest, ClosesConnectionsOverTheLimitAtOnce) {
  Start(/*max_connections=*/2);
  const auto first = Connect();
  const auto second = Connect();
  ASSERT_TRUE(Eventually([this] { return keeper_->count() == 2; }));

  EXPECT_EQ(Connect()->ReadToEnd(), "");

  EXPECT_EQ(refused_, 1);
  EXPECT_EQ(keeper_->count(), 2);
  EXPECT_EQ(acceptor_->OpenConnections(), 2);
}

TEST_F(ConnectionAcceptorTest, APlaceIsFreeAgainWhenAConnectionWasClosed) {
  Start(/*max_connections=*/1);
  const auto first = Connect();
  ASSERT_TRUE(Eventually([this] { return keeper_->count() == 1; }));

  keeper_->CloseOne();

  EXPECT_EQ(acceptor_->OpenConnections(), 0);
  EXPECT_TRUE(Eventually([this] {
    Connect();
    return keeper_->count() == 2;
  }));
}

// gRPC's own listener would never come back.
TEST_F(ConnectionAcceptorTest, GoesOnAfterTheProcessHadNoDescriptorLeft) {
  Start(/*max_connections=*/1000);
  const Descriptor client(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(acceptor_->port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  rlimit before{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {.rlim_cur = 4, .rlim_max = before.rlim_max};

  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  EXPECT_EQ(connect(client.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
  EXPECT_TRUE(Eventually([this] { return shortages_ == 1; }));
  EXPECT_EQ(keeper_->count(), 0);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);

  EXPECT_TRUE(Eventually([this] { return keeper_->count() == 1; }));
  EXPECT_EQ(shortages_, 1);
}

TEST_F(ConnectionAcceptorTest, AfterTheStopThePortIsFree) {
  Start(/*max_connections=*/1);
  const int port = acceptor_->port();

  acceptor_->Stop();

  EXPECT_TRUE(ListenOn("127.0.0.1", port, kUserTimeout).ok());
}

TEST(ListenOnTest, SharesAPortWithNobody) {
  const absl::StatusOr<ListeningSockets> first = ListenOn("127.0.0.1", 0, kUserTimeout);
  ASSERT_TRUE(first.ok()) << first.status();

  EXPECT_EQ(ListenOn("127.0.0.1", first->port, kUserTimeout).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ListenOn("0.0.0.0", first->port, kUserTimeout).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ListenOnTest, ListensOnEveryInterfaceUnderBothNames) {
  for (const std::string host : {"0.0.0.0", "::"}) {
    const absl::StatusOr<ListeningSockets> listening = ListenOn(host, 0, kUserTimeout);
    ASSERT_TRUE(listening.ok()) << listening.status();

    const RawConnection connection(listening->port);  // to 127.0.0.1
    EXPECT_TRUE(connection.Send("x"));
  }
}

TEST(ListenOnTest, ANameStandsForItsAddresses) {
  const absl::StatusOr<ListeningSockets> listening = ListenOn("localhost", 0, kUserTimeout);

  ASSERT_TRUE(listening.ok()) << listening.status();
  EXPECT_GT(listening->port, 0);
}

TEST(ListenOnTest, RefusesAnAddressOfAnotherMachineAndANameThatThereIsNot) {
  EXPECT_EQ(ListenOn("192.0.2.1", 0, kUserTimeout).status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(ListenOn("no.such.name.invalid", 0, kUserTimeout).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(ConnectionAcceptorTest, BreaksOffWhoeverSendsMost) {
  constexpr size_t kMost = 1 << 14;  // nobody reads it, so it must fit into the socket
  max_incoming_bytes_ = kMost;
  Start(/*max_connections=*/3);
  const auto quiet = Connect();
  const auto small = Connect();
  const auto large = Connect();
  ASSERT_TRUE(small->Send(std::string(kMost / 4, 'x')));

  ASSERT_TRUE(large->Send(std::string(kMost, 'x')));

  EXPECT_EQ(large->ReadToEnd(), "");
  EXPECT_TRUE(Eventually([this] { return broken_ == 1; }));  // told after the connection is
  EXPECT_EQ(acceptor_->OpenConnections(), 2);
  EXPECT_TRUE(small->Send("x"));
}

// A connection between two sockets of this process, of which one is in a table.
class TabledConnection {
 public:
  // The client connects to `to`, the server listens on `host`.
  TabledConnection(const std::string& host, const sockaddr& to, socklen_t size, ConnectionTable& table) {
    absl::StatusOr<ListeningSockets> listening = ListenOn(host, 0, kUserTimeout);
    if (!listening.ok()) return;
    sockaddr_storage address{};
    std::memcpy(&address, &to, size);
    reinterpret_cast<sockaddr_in&>(address).sin_port = htons(static_cast<uint16_t>(listening->port));  // IPv6's too
    client_ = Descriptor(socket(to.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client_.get(), reinterpret_cast<const sockaddr*>(&address), size) != 0) return;
    sockaddr_storage peer{};
    socklen_t peer_size = sizeof(peer);
    pollfd waiting = {.fd = listening->sockets.front().get(), .events = POLLIN, .revents = 0};
    poll(&waiting, 1, /*timeout=*/20'000);
    server_ = Descriptor(accept(waiting.fd, reinterpret_cast<sockaddr*>(&peer), &peer_size));
    port_ = ntohs(reinterpret_cast<const sockaddr_in&>(peer).sin_port);
    table.Add(server_.get(), reinterpret_cast<const sockaddr&>(peer));
  }

  bool valid() const { return server_.valid(); }
  int port() const { return port_; }  // the client's
  void Send(size_t bytes) const {
    const std::string text(bytes, 'x');
    EXPECT_EQ(send(client_.get(), text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(bytes));
  }

 private:
  Descriptor client_;
  Descriptor server_;
  int port_ = 0;
};

class ConnectionTableTest : public ::testing::Test {
 protected:
  static constexpr size_t kMessage = 8'000;  // nobody reads it, so two of them must fit into the socket

  TabledConnection Connect4(const std::string& host = "127.0.0.1") {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return {host, reinterpret_cast<const sockaddr&>(to), sizeof(to), table_};
  }
  TabledConnection Connect6() {
    sockaddr_in6 to{};
    to.sin6_family = AF_INET6;
    to.sin6_addr = in6addr_loopback;
    return {"::1", reinterpret_cast<const sockaddr&>(to), sizeof(to), table_};
  }
  // How many are broken off when nothing may be on its way.
  size_t Broken() { return table_.BreakLargest(0).broken; }

  ConnectionTable table_;
};

TEST_F(ConnectionTableTest, WhatNoServiceHasGotIsOnItsWay) {
  const TabledConnection connection = Connect4();
  connection.Send(kMessage);

  EXPECT_EQ(table_.BreakLargest(kMessage).broken, 0);
  EXPECT_EQ(table_.IncomingBytes(), kMessage);
  EXPECT_EQ(table_.BreakLargest(kMessage - 1).broken, 1);
  EXPECT_EQ(table_.IncomingBytes(), 0);
  EXPECT_EQ(table_.Count(), 0);
}

TEST_F(ConnectionTableTest, AMessageThatAServiceHasGotIsNot) {
  const TabledConnection connection = Connect4();
  connection.Send(kMessage);
  table_.NoteMessage(absl::StrCat("ipv4:127.0.0.1:", connection.port()), kMessage);
  EXPECT_EQ(Broken(), 0);

  connection.Send(kMessage);
  EXPECT_EQ(Broken(), 1) << "nobody may save up";
}

TEST_F(ConnectionTableTest, KnowsAPeerHoweverItIsWritten) {
  const TabledConnection mapped = Connect4("0.0.0.0");
  mapped.Send(kMessage);
  table_.NoteMessage(absl::StrCat("ipv6:%5B::ffff:127.0.0.1%5D:", mapped.port()), kMessage);
  EXPECT_EQ(Broken(), 0);

  const TabledConnection other = Connect4("0.0.0.0");
  other.Send(kMessage);
  table_.NoteMessage(absl::StrCat("ipv4:127.0.0.1:", other.port()), kMessage);
  EXPECT_EQ(Broken(), 0);
}

TEST_F(ConnectionTableTest, KnowsAPeerOfIPv6) {
  const TabledConnection connection = Connect6();
  if (!connection.valid()) GTEST_SKIP() << "this machine has no IPv6";
  connection.Send(kMessage);

  table_.NoteMessage(absl::StrCat("ipv6:%5B::1%5D:", connection.port()), kMessage);

  EXPECT_EQ(Broken(), 0);
}

TEST_F(ConnectionTableTest, CallAfterCallThatIsResetCostsTheConnection) {
  const TabledConnection connection = Connect4();
  const std::string peer = absl::StrCat("ipv4:127.0.0.1:", connection.port());

  for (int i = 0; i < 200; ++i) table_.NoteMessage(peer, 0);
  EXPECT_EQ(table_.BreakLargest(kMessage).broken, 0);  // and a few are forgiven
  for (int i = 0; i < 5; ++i) table_.NoteMessage(peer, 0);
  EXPECT_EQ(table_.Count(), 1);
  table_.NoteMessage(peer, 0);

  EXPECT_EQ(table_.Count(), 0);
  EXPECT_EQ(table_.BreakLargest(kMessage).broken, 1);
  EXPECT_EQ(table_.BreakLargest(kMessage).broken, 0);
}

TEST_F(ConnectionTableTest, AMessageOfSomebodyElseChangesNothing) {
  const TabledConnection connection = Connect4();
  connection.Send(kMessage);

  table_.NoteMessage("ipv4:192.0.2.1:1", kMessage);
  table_.NoteMessage("", kMessage);

  EXPECT_EQ(Broken(), 1);
}

TEST_F(ConnectionTableTest, ASocketWhoseNumberWasGivenOutAgainIsClosed) {
  Descriptor first(socket(AF_INET, SOCK_STREAM, 0));
  const int number = first.get();
  sockaddr_in peer{};
  peer.sin_family = AF_INET;
  table_.Add(number, reinterpret_cast<const sockaddr&>(peer));
  EXPECT_EQ(table_.Count(), 1);

  first = Descriptor();
  const Descriptor next(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(next.get(), number);

  EXPECT_EQ(table_.Count(), 0);
}

}  // namespace
}  // namespace bayespfl::server
