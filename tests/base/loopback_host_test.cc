#include "base/loopback_host.h"

#include <gtest/gtest.h>

namespace bayespfl {
namespace {

TEST(LoopbackHostTest, KnowsTheAddressesOfThisMachineAlone) {
  for (const char* host : {"127.0.0.1", "127.8.9.10", "::1", "[::1]", "localhost"}) {
    EXPECT_TRUE(IsLoopbackHost(host)) << host;
  }
  for (const char* host :
       {"", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "127.0.0.1.example.org", "localhost.example.org"}) {
    EXPECT_FALSE(IsLoopbackHost(host)) << host;
  }
}

}  // namespace
}  // namespace bayespfl
