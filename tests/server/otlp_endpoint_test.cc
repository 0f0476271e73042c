#include "server/telemetry/otlp_endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::Pair;

OtlpEndpoint Parsed(absl::string_view url) {
  const absl::StatusOr<OtlpEndpoint> endpoint = ParseOtlpEndpoint(url);
  EXPECT_TRUE(endpoint.ok()) << endpoint.status();
  return endpoint.value_or(OtlpEndpoint());
}

std::string ErrorOf(absl::string_view url) {
  const absl::StatusOr<OtlpEndpoint> endpoint = ParseOtlpEndpoint(url);
  EXPECT_EQ(endpoint.status().code(), absl::StatusCode::kInvalidArgument) << url;
  return std::string(endpoint.status().message());
}

TEST(OtlpEndpointTest, TakesUrlsApart) {
  EXPECT_EQ(Parsed("http://collector:4318"),
            (OtlpEndpoint{.tls = false, .host = "collector", .port = 4318, .path = "/v1/traces"}));
  EXPECT_EQ(Parsed("https://[fd00::1]:1234/"),
            (OtlpEndpoint{.tls = true, .host = "fd00::1", .port = 1234, .path = "/v1/traces"}));
  EXPECT_EQ(Parsed("https://otlp.example.com/tenant/7"),
            (OtlpEndpoint{.tls = true, .host = "otlp.example.com", .port = 443, .path = "/tenant/7/v1/traces"}));
  EXPECT_EQ(Parsed("http://127.0.0.1/v1/traces"),
            (OtlpEndpoint{.tls = false, .host = "127.0.0.1", .port = 80, .path = "/v1/traces"}));
}

TEST(OtlpEndpointTest, SaysWhatIsWrong) {
  EXPECT_THAT(ErrorOf("collector:4318"),
              AllOf(HasSubstr("otlp_endpoint is 'collector:4318'"), HasSubstr("neither http:// nor https://"),
                    HasSubstr("http://collector:4318")));
  EXPECT_THAT(ErrorOf("grpc://collector:4317"), HasSubstr("neither http:// nor https://"));
  EXPECT_THAT(ErrorOf("http://:4318"), HasSubstr("names no host"));
  EXPECT_THAT(ErrorOf("http://"), HasSubstr("names no host"));
  EXPECT_THAT(ErrorOf("http://collector:0"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("http://collector:65536"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("http://collector:"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("http://[::1:4318"), HasSubstr("bracket"));
  EXPECT_THAT(ErrorOf("http://[::1]4318"), HasSubstr("port"));
  EXPECT_THAT(ErrorOf("http://a:4318/?key=1"), HasSubstr("query"));
  EXPECT_THAT(ErrorOf("http://me:secret@a:4318"), HasSubstr("otlp_headers_file"));
  EXPECT_THAT(ErrorOf("http://a b:4318"), HasSubstr("no URL has"));
  EXPECT_THAT(ErrorOf("http://a\r\nX: y"), AllOf(HasSubstr("no URL has"), Not(HasSubstr("\r"))));
}

TEST(OtlpEndpointTest, ReadsHeaders) {
  const absl::StatusOr<OtlpHeaders> headers =
      ParseOtlpHeaders("# of the tenant\n\nAuthorization: Bearer a:b==\r\nX-Scope-OrgID:  plant 7 \n");

  ASSERT_TRUE(headers.ok()) << headers.status();
  EXPECT_THAT(*headers, ElementsAre(Pair("Authorization", "Bearer a:b=="), Pair("X-Scope-OrgID", "plant 7")));
}

TEST(OtlpEndpointTest, AWrongHeaderIsNamedByItsLineAndNotRepeated) {
  for (const std::string wrong : {"secret", ": secret", "a b: secret", "name: sec\x01ret"}) {
    const absl::Status status = ParseOtlpHeaders("x: 1\n" + wrong).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << wrong;
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("line 2"), Not(HasSubstr("secret"))));
  }
}

std::string SettingsError(const OtlpSettings& settings) {
  const absl::Status status = CheckOtlpSettings(settings);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(status.message());
}

TEST(OtlpEndpointTest, SettingsMustGoTogether) {
  EXPECT_TRUE(CheckOtlpSettings({}).ok());
  EXPECT_TRUE(CheckOtlpSettings({.endpoint = "http://a:4318", .ca_file = {}, .headers_file = {}}).ok());
  EXPECT_THAT(SettingsError({.endpoint = {}, .ca_file = "ca.pem", .headers_file = {}}), HasSubstr("otlp_endpoint"));
  EXPECT_THAT(SettingsError({.endpoint = "http://a:4318", .ca_file = "ca.pem", .headers_file = {}}),
              HasSubstr("otlp_ca_file"));
}

TEST(OtlpEndpointTest, HeadersDoNotGoOverTheNetworkInPlainText) {
  EXPECT_THAT(SettingsError({.endpoint = "http://collector:4318", .ca_file = {}, .headers_file = "key"}),
              AllOf(HasSubstr("otlp_headers_file"), HasSubstr("collector"), HasSubstr("https://")));
  EXPECT_TRUE(CheckOtlpSettings({.endpoint = "http://127.0.0.1:4318", .ca_file = {}, .headers_file = "key"}).ok());
  EXPECT_TRUE(CheckOtlpSettings({.endpoint = "https://collector", .ca_file = {}, .headers_file = "key"}).ok());
}

}  // namespace
}  // namespace bayespfl::server
