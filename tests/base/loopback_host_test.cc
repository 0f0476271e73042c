#include "base/loopback_host.h"

#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(LoopbackHostTest, KnowsTheAddressesOfThisMachineAlone) {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "[::1]", "0:0:0:0:0:0:0:1", "localhost", "LocalHost"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host : {"", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127.0.0.1.example.org",
                           "localhost.example.org", "[::1", "::2"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

TEST(LoopbackHostTest, BracketsAroundAnAddressAreTakenOff) {
  EXPECT_EQ(WithoutBrackets("[::1]"), "::1");
  for (const char* host : {"::1", "[::1", "::1]", "10.0.0.1", "plant", ""}) EXPECT_EQ(WithoutBrackets(host), host);
}

TEST(LoopbackHostTest, KnowsWhatCanBeAHost) {
  for (const char* host : {"plant", "10.0.0.1", "::", "::1", "[::1]", "fe80::1%eth0", "[fe80::1%eth0]"}) {
    EXPECT_TRUE(IsHost(host)) << host;
  }
  for (const char* host : {"", "[]", "[::1", "::1]", "[plant]", "127.0.0.1:80", "plant:80", "[::1]:80"}) {
    EXPECT_FALSE(IsHost(host)) << host;
  }
}

}  // namespace
}  // namespace bayespfl
