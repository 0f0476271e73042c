// Connections up to a limit, over real sockets.
#include "server/runtime/connection_acceptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/descriptor.h"
#include "base/mutex.h"
#include "server/runtime/listening_sockets.h"
#include "server/runtime/open_sockets.h"
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
                                    .on_refused = [this] { ++refused_; },
                                    .on_shortage = [this](const std::string& /*reason*/) { ++shortages_; }});
    ASSERT_TRUE(acceptor.ok()) << acceptor.status();
    acceptor_ = *std::move(acceptor);
    auto keeper = std::make_unique<Keeper>();
    keeper_ = keeper.get();
    acceptor_->Start(std::move(keeper));
  }
  std::unique_ptr<RawConnection> Connect() const { return std::make_unique<RawConnection>(acceptor_->port()); }

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
  const rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};

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

TEST(OpenSocketsTest, ASocketWhoseNumberWasGivenOutAgainIsClosed) {
  OpenSockets open;
  Descriptor first(socket(AF_INET, SOCK_STREAM, 0));
  const int number = first.get();
  open.Add(number);
  EXPECT_EQ(open.Count(), 1);

  first = Descriptor();
  const Descriptor next(socket(AF_INET, SOCK_STREAM, 0));
  ASSERT_EQ(next.get(), number);

  EXPECT_EQ(open.Count(), 0);
}

}  // namespace
}  // namespace bayespfl::server
