// Ports that other machines can reach: what must be set for it, and what the log says.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(SecureServerTest, TokensOverPlainTextOnlyStayOnTheLoopback) {
  ServerConfig config = DefaultConfig();
  UseTokens(config);
  config.host = "0.0.0.0";

  EXPECT_THAT(Refusal(config), AllOf(HasSubstr("tls_certificate"), HasSubstr("allow_plaintext_tokens")));
  config.allow_plaintext_tokens = true;
  Start(config);
  EXPECT_TRUE(Plain(inspect_.token).Inspect().ok());
  EXPECT_EQ(Plain().Inspect().error_code(), grpc::StatusCode::UNAUTHENTICATED);
}

TEST_F(SecureServerTest, AnOpenPortThatOthersCanReachIsWorthAWarning) {
  ServerConfig config = DefaultConfig();
  Start(config);
  EXPECT_THAT(Log(), Not(HasSubstr("anybody who can reach")));
  config.host = "0.0.0.0";
  Start(config);
  EXPECT_TRUE(Plain().Inspect().ok());
  EXPECT_THAT(Log(), HasSubstr("anybody who can reach the port may call"));
}

TEST_F(SecureServerTest, TheHttpPortCanStayBehind) {
  ServerConfig config = DefaultConfig();
  config.host = "0.0.0.0";
  config.http_host = "127.0.0.1";
  Start(config);

  EXPECT_THAT(server_->http_address(), HasSubstr("127.0.0.1:"));
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_build_info"));
}

}  // namespace
}  // namespace bayespfl::server
