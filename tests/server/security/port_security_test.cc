#include "server/security/port_security.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/mutex.h"
#include "base/sha256.h"
#include "server/security/token_store.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using testing::Authority;
using testing::CertificateAndKey;

// The expiries that a port told, from whichever thread.
class Expiries {
 public:
  void Add(absl::Time expiry) {
    MutexLock lock(mu_);
    expiries_.push_back(expiry);
    changed_.NotifyAll();
  }
  // Those so far, once there are `count`, or after a generous while.
  std::vector<absl::Time> WaitFor(size_t count) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(30);
    MutexLock lock(mu_);
    while (expiries_.size() < count && changed_.WaitUntil(mu_, end)) {
    }
    return expiries_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<absl::Time> expiries_ ABSL_GUARDED_BY(mu_);
};

TEST(PortSecurityTest, TellsWhenTheCertificateInUseExpires) {
  const testing::TemporaryFolder folder;
  const Authority authority("authority");
  const CertificateAndKey day = authority.Issue("server", testing::kLoopbackNames, {.days = 1});
  const CertificateAndKey month = authority.Issue("server", testing::kLoopbackNames, {.days = 30});
  Expiries expiries;
  std::vector<std::string> log;
  PortSecurityOptions options;
  options.tls = {.tls_certificate = folder.Write("cert.pem", day.certificate),
                 .tls_key = folder.Write("key.pem", day.key)};
  options.reload_interval = std::chrono::seconds(1);
  options.on_certificate = [&expiries](absl::Time expiry) { expiries.Add(expiry); };
  LogOptions log_options;
  log_options.write = [&log](absl::string_view line) { log.emplace_back(line); };
  auto security = PortSecurity::Create(std::move(options), *CreateLogger(std::move(log_options)));
  ASSERT_TRUE(security.ok()) << security.status();
  ASSERT_EQ(expiries.WaitFor(1).size(), 1U);

  folder.Write("cert.pem", month.certificate);
  folder.Write("key.pem", month.key);

  const std::vector<absl::Time> told = expiries.WaitFor(2);
  security->reset();  // nobody writes to the log any more
  ASSERT_EQ(told.size(), 2U);
  EXPECT_LT(told[0], absl::Now() + absl::Hours(25));
  EXPECT_GT(told[1], absl::Now() + absl::Hours(29 * 24));
  EXPECT_THAT(log, ::testing::Contains(::testing::HasSubstr(FormatTimestamp(told[1]))));
}

// The fingerprint by another way: the SHA-256 of what the first block of the PEM holds.
std::string Fingerprint(absl::string_view pem) {
  constexpr absl::string_view kBegin = "-----BEGIN CERTIFICATE-----\n";
  pem = pem.substr(pem.find(kBegin) + kBegin.size());
  std::string der;
  EXPECT_TRUE(absl::Base64Unescape(pem.substr(0, pem.find("-----END")), &der));
  return Sha256Hex(der);
}

TEST(PortSecurityTest, TellsWhatIsInForceOfItsFiles) {
  const testing::TemporaryFolder folder;
  const CertificateAndKey pair = Authority("authority").Issue("server", testing::kLoopbackNames);
  const std::string tokens = absl::StrCat(MakeToken("line-3", Role::kInspect)->entry, "\n");
  PortSecurityOptions options;
  options.tls = {.tls_certificate = folder.Write("cert.pem", pair.certificate),
                 .tls_key = folder.Write("key.pem", pair.key)};
  options.tokens_file = folder.Write("tokens.yaml", tokens);
  const auto security = PortSecurity::Create(std::move(options), SilentLogger());
  ASSERT_TRUE(security.ok()) << security.status();

  const SecurityFiles files = (*security)->files();

  ASSERT_TRUE(files.certificate.has_value());
  EXPECT_EQ(files.certificate->sha256, Fingerprint(pair.certificate));
  EXPECT_GT(files.certificate->not_after, absl::Now());
  ASSERT_TRUE(files.tokens.has_value());
  EXPECT_EQ(files.tokens->tokens, 1);
  EXPECT_EQ(files.tokens->sha256, Sha256Hex(tokens));
  const auto open = PortSecurity::Create({}, SilentLogger());
  EXPECT_FALSE((*open)->files().certificate.has_value());
  EXPECT_FALSE((*open)->files().tokens.has_value());
}

TEST(PortSecurityTest, FilesAreLookedAtAtOnceWhenSomebodyWantsIt) {
  const testing::TemporaryFolder folder;
  const CertificateAndKey day = Authority("authority").Issue("server", testing::kLoopbackNames);
  const CertificateAndKey other = Authority("authority").Issue("server", testing::kLoopbackNames);
  PortSecurityOptions options;
  options.tls = {.tls_certificate = folder.Write("cert.pem", day.certificate),
                 .tls_key = folder.Write("key.pem", day.key)};
  options.reload_interval = std::chrono::hours(1);
  Expiries expiries;
  options.on_certificate = [&expiries](absl::Time expiry) { expiries.Add(expiry); };
  const auto security = PortSecurity::Create(std::move(options), SilentLogger());
  ASSERT_TRUE(security.ok()) << security.status();
  folder.Write("cert.pem", other.certificate);
  folder.Write("key.pem", other.key);

  (*security)->ReloadNow();

  EXPECT_EQ(expiries.WaitFor(2).size(), 2U);
  EXPECT_EQ((*security)->files().certificate->sha256, Fingerprint(other.certificate));
}

}  // namespace
}  // namespace bayespfl::server
