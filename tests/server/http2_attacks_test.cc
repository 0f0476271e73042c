// Attacks on HTTP/2 itself that the server has an answer to.
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "tests/server/hostile_bytes.h"
#include "tests/server/raw_connection.h"
#include "tests/server/service_fixture.h"

namespace bayespfl::server {
namespace {

using Http2AttacksTest = ServiceTest;

// CVE-2023-44487: no limit on open calls is ever met.
TEST_F(Http2AttacksTest, CallsThatAreResetAsTheyBeginCostTheConnection) {
  constexpr uint32_t kMost = 200'000;
  constexpr uint32_t kAtOnce = 200;
  const std::string cancel("\0\0\0\x08", 4);
  const RawConnection connection(server_->port());
  ASSERT_TRUE(connection.Send(Http2Preface()));

  std::thread reader([&connection] { connection.HangUpWithThePeer(); });  // who would read no further by itself
  uint32_t stream = 1;
  bool open = true;
  while (open && stream < kMost) {
    std::string calls;
    for (uint32_t i = 0; i < kAtOnce; ++i, stream += 2) {
      absl::StrAppend(&calls, Http2Begin(stream, kInspectMethod), Http2Frame(kHttp2ResetStream, 0, stream, cancel));
    }
    open = connection.Send(calls);
  }

  reader.join();

  EXPECT_FALSE(open) << stream / 2 << " calls were reset";
  WaitForMetric("bayespfl_connections_broken_total 1");
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
}

// gRPC holds a client to the limit when it has acknowledged that; this one never does.
TEST_F(Http2AttacksTest, CallsWithoutEndCostTheConnectionOfAClientThatKnowsNoLimit) {
  constexpr uint32_t kMost = 400'000;
  constexpr uint32_t kAtOnce = 200;
  const RawConnection connection(server_->port());
  ASSERT_TRUE(connection.Send(Http2Preface()));

  std::thread reader([&connection] { connection.HangUpWithThePeer(); });
  uint32_t stream = 1;
  bool open = true;
  while (open && stream < kMost) {
    std::string calls;
    for (uint32_t i = 0; i < kAtOnce; ++i, stream += 2) absl::StrAppend(&calls, Http2Begin(stream, kInspectMethod));
    open = connection.Send(calls);
  }

  reader.join();

  EXPECT_FALSE(open) << stream / 2 << " calls are open";
  WaitForMetric("bayespfl_connections_broken_total 1");
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
}

TEST_F(Http2AttacksTest, ConnectionsBeyondTheLimitAreClosedAndCounted) {
  ServerConfig config = DefaultConfig();
  config.max_connections = 2;
  Start(config, Loader());
  ASSERT_TRUE(Inspect(MakeRequest()).ok());
  const RawConnection second(server_->port());
  ASSERT_TRUE(second.Send(Http2Preface()));
  ASSERT_NE(second.ReadUntil([](const std::string& received) { return !received.empty(); }), "");

  EXPECT_EQ(RawConnection(server_->port()).ReadToEnd(), "");

  WaitForMetric("bayespfl_connections_refused_total 1");
  EXPECT_TRUE(Inspect(MakeRequest()).ok());
}

}  // namespace
}  // namespace bayespfl::server
