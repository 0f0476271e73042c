// Tokens over real sockets, with TLS and without: which calls they let in, and what they leave in log and metrics.
#include <gmock/gmock.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "tests/server/security/listed_methods.h"
#include "tests/server/security/secure_server_fixture.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class TokensTest : public SecureServerTest, public ::testing::WithParamInterface<bool> {
 protected:
  void SetUp() override {
    config_ = DefaultConfig();
    UseTokens(config_);
    if (GetParam()) UseTls(config_, identity_);
    Start(config_);
  }
  Client With(const std::string& token) const { return GetParam() ? Tls(authority_, token) : Plain(token); }

  ServerConfig config_;
};

INSTANTIATE_TEST_SUITE_P(, TokensTest, ::testing::Bool(),
                         [](const auto& test) { return std::string(test.param ? "Tls" : "PlainText"); });

TEST_P(TokensTest, ATokenLetsIn) {
  EXPECT_TRUE(With(inspect_.token).Inspect().ok());
  EXPECT_TRUE(With(admin_.token).Inspect().ok());
}

TEST_P(TokensTest, WithoutAKnownTokenACallIsUnauthenticated) {
  for (const std::string& token : {std::string(), std::string("nobody"), inspect_.token + "x"}) {
    const grpc::Status status = With(token).Inspect();
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAUTHENTICATED) << token;
    EXPECT_THAT(status.error_message(), AllOf(HasSubstr("/bayespfl.inspection.v1.InspectionService/Inspect"),
                                              HasSubstr("authorization"), Not(HasSubstr(inspect_.token))));
  }
  grpc::ClientContext context;
  const std::unique_ptr<StreamClient> stream = With("").OpenStream(context);
  EXPECT_FALSE(Exchange(*stream).has_value());
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::UNAUTHENTICATED);
  EXPECT_EQ(detector_->batches().size(), 1U);  // the warm-up: no frame came through
}

TEST_P(TokensTest, EveryMethodOfEveryServiceNeedsAToken) {
  const std::vector<const google::protobuf::MethodDescriptor*> methods = ListMethods(With(inspect_.token));
  int closed = 0;
  for (const auto* method : methods) {
    if (method->service()->full_name() == kHealth) continue;
    for (const std::string& token : {std::string(), std::string("nobody")}) {
      EXPECT_EQ(With(token).Call(PathOf(*method), "").status.error_code(), grpc::StatusCode::UNAUTHENTICATED)
          << method->full_name();
    }
    ++closed;
  }
  EXPECT_GE(closed, 4);  // three of InspectionService, and reflection
}

TEST_P(TokensTest, HealthNeedsNoToken) { EXPECT_TRUE(With("").Health().ok()); }

TEST_P(TokensTest, WhatNoServiceHasIsClosedToo) {
  const std::string method = "/bayespfl.admin.v1.AdminService/NotThere";

  EXPECT_EQ(With("").Call(method, "").status.error_code(), grpc::StatusCode::UNAUTHENTICATED);
  const grpc::Status refused = With(inspect_.token).Call(method, "").status;
  EXPECT_EQ(refused.error_code(), grpc::StatusCode::PERMISSION_DENIED);
  EXPECT_THAT(refused.error_message(), AllOf(HasSubstr(method), Not(HasSubstr(inspect_.token))));
  EXPECT_EQ(With(admin_.token).Call(method, "").status.error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_P(TokensTest, RefusalsAreCountedByCode) {
  (void)With("").Inspect();
  (void)With("nobody").Inspect();
  (void)With(inspect_.token).Call("/bayespfl.admin.v1.AdminService/NotThere", "");

  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_calls_refused_total{code=\"UNAUTHENTICATED\"} 2"),
                                      HasSubstr("bayespfl_calls_refused_total{code=\"PERMISSION_DENIED\"} 1")));
}

TEST_P(TokensTest, NeitherLogNorMetricsHoldATokenAndTheLogHoldsTheAudit) {
  const std::string unknown = "unknown-token-of-somebody";
  for (const std::string& token : {inspect_.token, admin_.token, unknown}) {
    (void)With(token).Inspect();
    (void)With(token).Call("/bayespfl.admin.v1.AdminService/NotThere", "");
  }
  const std::string metrics = Http("/metrics");
  const std::string log = Log();

  EXPECT_THAT(log, HasSubstr("audit who=line-3 role=inspect "
                             "method=/bayespfl.admin.v1.AdminService/NotThere code=PERMISSION_DENIED"));
  EXPECT_THAT(metrics, HasSubstr("bayespfl_requests_total"));
  for (const std::string& token : {inspect_.token, admin_.token, unknown}) {
    EXPECT_THAT(log, Not(HasSubstr(token)));
    EXPECT_THAT(metrics, Not(HasSubstr(token)));
  }
}

TEST_P(TokensTest, FramesAreCountedByTheNamesInTheFileAndByNoOther) {
  ASSERT_TRUE(With(inspect_.token).Inspect().ok());
  const NewToken next = *MakeToken("line-4", Role::kInspect);
  constexpr char kFrames[] = "bayespfl_client_frames_total{client=";

  EXPECT_THAT(Http("/metrics"),
              AllOf(HasSubstr(absl::StrCat(kFrames, "\"line-3\",outcome=\"ok\"} 1\n")),
                    HasSubstr(absl::StrCat(kFrames, "\"robot\",outcome=\"ok\"} 0\n")),
                    HasSubstr(absl::StrCat(kFrames, "\"other\",outcome=\"ok\"} 0\n")), Not(HasSubstr("line-4"))));
  folder_.Write("tokens.yaml", absl::StrCat(inspect_.entry, "\n", next.entry, "\n"));
  WaitForMetric(absl::StrCat(kFrames, "\"line-4\",outcome=\"ok\"} 0"));
  ASSERT_TRUE(With(next.token).Inspect().ok());

  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr(absl::StrCat(kFrames, "\"line-3\",outcome=\"ok\"} 1\n")),
                                      HasSubstr(absl::StrCat(kFrames, "\"line-4\",outcome=\"ok\"} 1\n")),
                                      Not(HasSubstr("client=\"robot\""))));
}

TEST_P(TokensTest, WhatANamedClientTakesStandsBesideItsLimits) {
  config_.max_frames_in_flight_per_client = 3;
  config_.max_streams_per_client = 2;
  Start(config_);
  detector_->Hold();
  grpc::ClientContext context;
  const Client client = With(inspect_.token);
  const std::unique_ptr<StreamClient> stream = client.OpenStream(context);
  v1::InspectStreamRequest frame;
  *frame.mutable_frame()->mutable_image() = Picture();
  ASSERT_TRUE(stream->Write(frame));

  WaitForMetric("bayespfl_client_frames_in_flight{client=\"line-3\"} 1");
  EXPECT_THAT(Http("/metrics"), AllOf(HasSubstr("bayespfl_client_streams_open{client=\"line-3\"} 1\n"),
                                      HasSubstr("bayespfl_client_frames_in_flight{client=\"robot\"} 0\n"),
                                      Not(HasSubstr("bayespfl_client_bytes_in_flight{client=\"line-3\"} 0\n")),
                                      HasSubstr("bayespfl_client_frames_in_flight_limit 3\n"),
                                      HasSubstr("bayespfl_client_streams_open_limit 2\n")));
  detector_->Release();
  stream->WritesDone();
  v1::InspectStreamResponse reply;
  while (stream->Read(&reply)) continue;
  EXPECT_TRUE(stream->Finish().ok());

  WaitForMetric("bayespfl_client_streams_open{client=\"line-3\"} 0");
  EXPECT_THAT(Http("/metrics"), HasSubstr("bayespfl_client_bytes_in_flight{client=\"line-3\"} 0\n"));
}

TEST_P(TokensTest, ANewFileTakesEffectWhileTheServerRunsAndABadOneDoesNot) {
  const NewToken next = *MakeToken("next", Role::kInspect);
  const Client before = With(inspect_.token);
  ASSERT_TRUE(before.Inspect().ok());

  folder_.Write("tokens.yaml", next.entry);
  EXPECT_TRUE(Eventually([&] { return With(next.token).Inspect().ok(); }));
  EXPECT_EQ(before.Inspect().error_code(), grpc::StatusCode::UNAUTHENTICATED);  // on a connection that was open

  folder_.Write("tokens.yaml", "- {name: half");
  int refused = 0;
  const auto call = [&] { refused += With(next.token).Inspect().ok() ? 0 : 1; };
  EXPECT_TRUE(Eventually([&] {
    call();
    return absl::StrContains(LogSoFar(),
                             "a changed file cannot be used; the old content stays in force what=tokens_file");
  })) << LogSoFar();
  for (int i = 0; i < kCallsAfterAReload; ++i) call();
  EXPECT_EQ(refused, 0);
  EXPECT_THAT(Log(), HasSubstr("a changed file is used from now on what=tokens_file"));
}

TEST_F(SecureServerTest, StartNamesTheTokensFileThatIsWrong) {
  ServerConfig config = DefaultConfig();
  config.tokens_file = folder_.Write("tokens.yaml", "- {name: x}");

  EXPECT_THAT(Refusal(config), AllOf(HasSubstr("tokens_file"), HasSubstr("/tokens.yaml: token 1")));
}

}  // namespace
}  // namespace bayespfl::server
