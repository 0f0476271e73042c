// TLS and tokens as an operator sets them up: the programs, their flags and files.
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/process.h"
#include "tests/support/certificates.h"
#include "tests/support/demo_model.h"
#include "tests/support/paths.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

using testing::Background;
using testing::CertificateAndKey;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::RunProgram;

constexpr int kExitLocal = 1;
constexpr int kExitUnreachable = 3;

// What follows `prefix` on its line of `text`.
std::string LineAfter(const std::string& text, const std::string& prefix) {
  const size_t start = text.find(prefix);
  if (start == std::string::npos) return "";
  const size_t first = start + prefix.size();
  return text.substr(first, text.find('\n', first) - first);
}

class SecurityProgramsTest : public ::testing::Test {
 protected:
  SecurityProgramsTest() {
    const Finished made = RunProgram("bayespfl-server", {"--new-token", "line-3"});
    EXPECT_EQ(made.exit_code, 0) << made.err;
    token_ = LineAfter(made.out, "token, shown only now: ");
    token_file_ = folder_.Write("token", token_ + "\n");
    tokens_file_ = folder_.Write("tokens.yaml", LineAfter(made.out, "line for tokens_file: ") + "\n");
    const CertificateAndKey server = authority_.Issue("server", testing::kLoopbackNames);
    const CertificateAndKey client = authority_.Issue("client", "");
    config_ =
        folder_.Write("server.yaml", absl::StrCat("model: ", testing::kDemoModel,
                                                  "\nport: 0\nhttp_port: 0\ndrain_delay_seconds: 0\ntls_certificate: ",
                                                  folder_.Write("server.pem", server.certificate),
                                                  "\ntls_key: ", folder_.Write("server.key", server.key),
                                                  "\ntls_client_ca: ", ca_, "\ntokens_file: ", tokens_file_, "\n"));
    mutual_tls_ = {"--tls-ca",   ca_,
                   "--tls-cert", folder_.Write("client.pem", client.certificate),
                   "--tls-key",  folder_.Write("client.key", client.key)};
  }
  ~SecurityProgramsTest() override { unsetenv("BAYESPFL_TOKEN"); }

  static Finished Run(const std::string& command, const std::string& address, std::vector<std::string> flags,
                      const std::vector<std::string>& more = {}) {
    flags.insert(flags.begin(), {command, "--server", address});
    flags.insert(flags.end(), more.begin(), more.end());
    return RunProgram("bayespfl-client", flags);
  }

  const testing::TemporaryFolder folder_;
  const testing::Authority authority_{"authority"};
  const std::string ca_ = folder_.Write("ca.pem", authority_.certificate());
  std::string token_;
  std::string token_file_;
  std::string tokens_file_;
  std::string config_;
  std::vector<std::string> mutual_tls_;
};

TEST_F(SecurityProgramsTest, OnlyAClientWithCertificateAndTokenIsServed) {
  Background server("bayespfl-server", {"--config", config_});
  const std::string address = server.WaitForLine("bayespfl-server: gRPC listening on ");
  ASSERT_FALSE(server.WaitForLine("bayespfl-server: ready").empty());
  const std::string picture = testing::Asset("demo/images/leather/good_0.jpg");

  const Finished stream =
      Run("inspect", address, mutual_tls_, {"--token-file", token_file_, "--stream", "--category", "leather", picture});
  const Finished info = Run("info", address, mutual_tls_, {"--token-file", token_file_});
  const Finished no_token = Run("info", address, mutual_tls_);
  const Finished probe = Run("health", address, mutual_tls_);
  const Finished no_certificate = Run("info", address, {"--tls-ca", ca_, "--token-file", token_file_});
  const Finished plain = Run("health", address, {});
  setenv("BAYESPFL_TOKEN", token_.c_str(), 1);
  const Finished by_environment = Run("info", address, mutual_tls_);

  EXPECT_EQ(stream.exit_code, 0) << stream.err;
  EXPECT_EQ(info.exit_code, 0) << info.err;
  EXPECT_EQ(by_environment.exit_code, 0) << by_environment.err;
  EXPECT_EQ(no_token.exit_code, kExitLocal);
  EXPECT_THAT(no_token.err, HasSubstr("--token-file"));
  EXPECT_EQ(probe.exit_code, 0) << probe.err;
  EXPECT_EQ(no_certificate.exit_code, kExitUnreachable) << no_certificate.err;
  EXPECT_EQ(plain.exit_code, kExitUnreachable) << plain.err;
  EXPECT_EQ(server.Terminate(), 0);
}

TEST_F(SecurityProgramsTest, AServerWithoutItsKeyDoesNotStartAndNamesTheFile) {
  const Finished run = RunProgram("bayespfl-server", {"--config", config_, "--tls-key", folder_.path() + "/none"});

  EXPECT_NE(run.exit_code, 0);
  EXPECT_THAT(run.err, HasSubstr("tls_key (flag, --tls-key): cannot read " + folder_.path() + "/none"));
}

TEST_F(SecurityProgramsTest, NewTokensNeedAPlainNameAndAKnownRole) {
  const Finished admin = RunProgram("bayespfl-server", {"--new-token", "robot", "--token-role", "admin"});
  EXPECT_EQ(admin.exit_code, 0);
  EXPECT_THAT(admin.out, HasSubstr("- {name: robot, role: admin, sha256: "));
  EXPECT_NE(RunProgram("bayespfl-server", {"--new-token", "a b"}).exit_code, 0);
  EXPECT_NE(RunProgram("bayespfl-server", {"--new-token", "a", "--token-role", "root"}).exit_code, 0);
}

TEST_F(SecurityProgramsTest, TheClientSaysWhichFileIsWrongAndNeverTheToken) {
  const Finished missing = Run("info", "127.0.0.1:1", {"--token-file", folder_.path() + "/none"});
  EXPECT_EQ(missing.exit_code, kExitLocal);
  EXPECT_THAT(missing.err, HasSubstr(folder_.path() + "/none"));
  const Finished plain = Run("info", "10.255.255.1:50051", {"--token-file", token_file_});
  EXPECT_EQ(plain.exit_code, kExitLocal);
  EXPECT_THAT(plain.err, HasSubstr("plain text"));
  EXPECT_THAT(plain.err, Not(HasSubstr(token_)));
}

}  // namespace
}  // namespace bayespfl
