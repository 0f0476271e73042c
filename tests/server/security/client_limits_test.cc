#include "server/security/client_limits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/security/client_identity.h"

namespace bayespfl::server {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

class ClientLimitsTest : public ::testing::Test {
 protected:
  ClientLimitsOptions Options(int streams, int frames, size_t clients = 4096) {
    return {.max_streams = streams, .max_frames_per_second = frames, .max_clients = clients, .now = [this] {
              return now_;
            }};
  }
  // How many frames get through until one is refused.
  int Burst(ClientLimits& limits, const std::string& client) {
    int frames = 0;
    while (frames < 1000 && limits.TakeFrames(client, 1, retry_after_).ok()) ++frames;
    return frames;
  }

  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
  absl::Duration retry_after_;
};

TEST_F(ClientLimitsTest, AQuietClientMaySendASecondsWorthAtOnce) {
  ClientLimits limits(Options(0, 10));

  EXPECT_EQ(Burst(limits, "a"), 10);
  now_ += std::chrono::hours(1);
  EXPECT_EQ(Burst(limits, "a"), 10);
}

TEST_F(ClientLimitsTest, SaysHowManyStreamsAClientHasOpen) {
  ClientLimits limits(Options(2, 0));
  EXPECT_EQ(limits.OpenStreams("a"), 0);
  {
    const auto lease = limits.OpenStream("a");
    EXPECT_EQ(limits.OpenStreams("a"), 1);
    EXPECT_EQ(limits.OpenStreams("b"), 0);
  }
  EXPECT_EQ(limits.OpenStreams("a"), 0);
}

TEST_F(ClientLimitsTest, FramesComeBackAtTheRate) {
  ClientLimits limits(Options(0, 10));
  Burst(limits, "a");

  now_ += milliseconds(250);

  EXPECT_EQ(Burst(limits, "a"), 2);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(retry_after_), 50, 1e-3);
  now_ += milliseconds(51);
  EXPECT_EQ(Burst(limits, "a"), 1);
}

TEST_F(ClientLimitsTest, OverALongTimeNoMoreThanTheRateGetsThrough) {
  ClientLimits limits(Options(0, 7));
  int frames = Burst(limits, "a");
  for (int i = 0; i < 10'000; ++i) {
    now_ += milliseconds(1);
    if (limits.TakeFrames("a", 1, retry_after_).ok()) ++frames;
  }
  EXPECT_GE(frames, 7 + 69);
  EXPECT_LE(frames, 7 + 70);
}

TEST_F(ClientLimitsTest, FramesThatComeTogetherAreTakenTogetherOrNotAtAll) {
  ClientLimits limits(Options(0, 10));
  ASSERT_TRUE(limits.TakeFrames("a", 7, retry_after_).ok());

  EXPECT_EQ(limits.TakeFrames("a", 5, retry_after_).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_NEAR(absl::ToDoubleMilliseconds(retry_after_), 200, 1e-3);
  EXPECT_EQ(Burst(limits, "a"), 3);
}

TEST_F(ClientLimitsTest, MoreFramesThanASecondsWorthAreNeverTaken) {
  ClientLimits limits(Options(0, 10));

  const absl::Status status = limits.TakeFrames("a", 11, retry_after_);

  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(),
            "11 frames are more than a client may ever send at once: max_frames_per_second_per_client = 10");
  EXPECT_EQ(Burst(limits, "a"), 10);
}

TEST_F(ClientLimitsTest, OneClientsFramesAreNotAnothers) {
  ClientLimits limits(Options(0, 3));
  Burst(limits, "a");

  EXPECT_EQ(Burst(limits, "b"), 3);
}

TEST_F(ClientLimitsTest, ARefusalNamesTheSetting) {
  ClientLimits limits(Options(1, 1));
  const auto stream = limits.OpenStream("a");
  Burst(limits, "a");

  const absl::Status frame = limits.TakeFrames("a", 1, retry_after_);
  const absl::Status second = limits.OpenStream("a").status();

  EXPECT_EQ(frame.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(frame.message()), HasSubstr("max_frames_per_second_per_client = 1"));
  EXPECT_EQ(second.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(second.message()), HasSubstr("1 open streams, max_streams_per_client = 1"));
}

TEST_F(ClientLimitsTest, AStreamThatEndsMakesRoom) {
  ClientLimits limits(Options(2, 0));
  auto first = limits.OpenStream("a");
  const auto second = limits.OpenStream("a");
  ASSERT_FALSE(limits.OpenStream("a").ok());
  ASSERT_TRUE(limits.OpenStream("b").ok());

  *first = ClientLimits::StreamLease();

  EXPECT_TRUE(limits.OpenStream("a").ok());
}

TEST_F(ClientLimitsTest, ALeaseThatMovesIsGivenBackOnce) {
  ClientLimits limits(Options(1, 0));
  {
    ClientLimits::StreamLease lease = *limits.OpenStream("a");
    const ClientLimits::StreamLease moved = std::move(lease);
    EXPECT_FALSE(limits.OpenStream("a").ok());
  }
  const auto one = limits.OpenStream("a");
  EXPECT_TRUE(one.ok());
  EXPECT_FALSE(limits.OpenStream("a").ok());
}

TEST_F(ClientLimitsTest, WithoutLimitsNothingIsRefusedOrRemembered) {
  ClientLimits limits(Options(0, 0));
  std::vector<ClientLimits::StreamLease> leases;
  for (int i = 0; i < 100; ++i) leases.push_back(*limits.OpenStream("a"));

  EXPECT_EQ(Burst(limits, "a"), 1000);
  EXPECT_EQ(limits.clients(), 0U);
}

TEST_F(ClientLimitsTest, InventedClientsCannotFillTheTable) {
  ClientLimits limits(Options(1, 5, /*clients=*/10));
  Burst(limits, "a");
  for (int i = 0; i < 1000; ++i) {
    EXPECT_TRUE(limits.TakeFrames(absl::StrCat("invented ", i), 1, retry_after_).ok());
    // Seen all the time, so it is never the one that was quiet longest.
    EXPECT_FALSE(limits.TakeFrames("a", 1, retry_after_).ok());
  }
  EXPECT_EQ(limits.clients(), 10U);
}

TEST_F(ClientLimitsTest, ClientsWithOpenStreamsAreNotForgotten) {
  ClientLimits limits(Options(1, 5, /*clients=*/2));
  std::vector<ClientLimits::StreamLease> leases;
  for (const char* client : {"a", "b", "c", "d"}) leases.push_back(*limits.OpenStream(client));

  EXPECT_EQ(limits.clients(), 4U);
  EXPECT_FALSE(limits.OpenStream("a").ok());
  leases.clear();
  EXPECT_LE(limits.clients(), 2U);
  EXPECT_TRUE(limits.OpenStream("a").ok());
}

TEST_F(ClientLimitsTest, ThreadsTogetherGetNoMoreThanTheLimit) {
  ClientLimits limits(Options(0, 100));
  std::vector<int> taken(4);
  std::vector<std::thread> threads;
  for (int& count : taken) {
    threads.emplace_back([&limits, &count] {
      absl::Duration ignored;
      for (int i = 0; i < 1000; ++i) count += limits.TakeFrames("a", 1, ignored).ok() ? 1 : 0;
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(taken[0] + taken[1] + taken[2] + taken[3], 100);
}

TEST(PeerHostTest, LeavesThePortOut) {
  EXPECT_EQ(PeerHost("ipv4:10.0.0.7:51234"), "10.0.0.7");
  EXPECT_EQ(PeerHost("unix:/run/socket"), "unix:/run/socket");
  EXPECT_EQ(PeerHost(""), "");
  EXPECT_EQ(PeerHost("unknown"), "unknown");
}

TEST(PeerHostTest, TakesTheNetworkOfAnIpv6Address) {
  EXPECT_EQ(PeerHost("ipv6:%5B2001:db8:0:1:2:3:4:7%5D:51234"), "2001:db8:0:1::/64");
  EXPECT_EQ(PeerHost("ipv6:[2001:db8:0:1::8]:1"), "2001:db8:0:1::/64");
  EXPECT_EQ(PeerHost("ipv6:%5Bfe80::1%25eth0%5D:1"), "fe80::/64");
  EXPECT_EQ(PeerHost("ipv6:%5B::ffff:10.0.0.7%5D:1"), "10.0.0.7");
}

}  // namespace
}  // namespace bayespfl::server
