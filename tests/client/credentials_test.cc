#include "client/cpp/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/status/status.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::client {
namespace {

using ::testing::HasSubstr;

constexpr char kCertificate[] = "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n";
constexpr char kKey[] = "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n";

class CredentialsTest : public ::testing::Test {
 protected:
  void ExpectRefused(const TlsFiles& files, const std::string& part) {
    const auto credentials = ReadTlsCredentials(files);
    ASSERT_FALSE(credentials.ok());
    EXPECT_THAT(std::string(credentials.status().message()), HasSubstr(part));
  }

  const testing::TemporaryFolder folder_;
  const std::string certificate_ = folder_.Write("cert.pem", kCertificate);
  const std::string key_ = folder_.Write("key.pem", kKey);
};

TEST_F(CredentialsTest, WithoutFilesThereIsNoTls) {
  const auto credentials = ReadTlsCredentials({.ca = "", .certificate = "", .key = ""});
  ASSERT_TRUE(credentials.ok());
  EXPECT_EQ(*credentials, nullptr);
}

TEST_F(CredentialsTest, AnAuthorityMakesTls) {
  const auto credentials = ReadTlsCredentials({.ca = certificate_, .certificate = "", .key = ""});
  ASSERT_TRUE(credentials.ok()) << credentials.status();
  EXPECT_NE(*credentials, nullptr);
}

TEST_F(CredentialsTest, RefusesHalfACertificateAndNamesTheFlag) {
  ExpectRefused({.ca = certificate_, .certificate = certificate_, .key = ""}, "--tls-cert and --tls-key go together");
  ExpectRefused({.ca = certificate_, .certificate = "", .key = key_}, "--tls-cert and --tls-key go together");
  ExpectRefused({.ca = "", .certificate = certificate_, .key = key_}, "--tls-cert needs --tls-ca");
}

TEST_F(CredentialsTest, RefusesFilesThatAreMissingOrOfAnotherKind) {
  ExpectRefused({.ca = "/nowhere/ca.pem", .certificate = "", .key = ""}, "--tls-ca: cannot open /nowhere/ca.pem");
  ExpectRefused({.ca = key_, .certificate = "", .key = ""}, "--tls-ca: " + key_ + " holds no PEM CERTIFICATE");
  ExpectRefused({.ca = certificate_, .certificate = certificate_, .key = certificate_}, "holds no PEM PRIVATE KEY");
}

TEST_F(CredentialsTest, ATokenIsTheOnlyLineOfItsFile) {
  EXPECT_EQ(*ReadToken(folder_.Write("token", "bpfl_abc\n")), "bpfl_abc");
  EXPECT_EQ(*ReadToken(folder_.Write("token", "  bpfl_abc\r\n")), "bpfl_abc");
}

TEST_F(CredentialsTest, RefusesFilesThatHoldNoTokenOrSeveral) {
  for (const char* text : {"\n", "a\nb\n"}) {
    const auto token = ReadToken(folder_.Write("token", text));
    EXPECT_EQ(token.status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
  EXPECT_EQ(ReadToken(folder_.path() + "/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace bayespfl::client
