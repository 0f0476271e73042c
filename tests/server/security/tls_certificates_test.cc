#include "server/security/tls_certificates.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "tests/support/certificates.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::AllOf;
using testing::Authority;
using testing::CertificateAndKey;
using ::testing::HasSubstr;

class TlsCertificatesTest : public ::testing::Test {
 protected:
  void ExpectRefused(const TlsFiles& files, const std::string& setting, const std::string& part) {
    const auto loaded = TlsCertificates::Load(files);
    ASSERT_FALSE(loaded.ok());
    EXPECT_THAT(std::string(loaded.status().message()), AllOf(HasSubstr(setting), HasSubstr(part)));
  }

  const testing::TemporaryFolder folder_;
  const Authority authority_{"authority"};
  const CertificateAndKey first_ = authority_.Issue("server", testing::kLoopbackNames);
  const CertificateAndKey second_ = authority_.Issue("server", testing::kLoopbackNames);
  const TlsFiles files_ = {.tls_certificate = folder_.Write("cert.pem", first_.certificate),
                           .tls_key = folder_.Write("key.pem", first_.key),
                           .tls_client_ca = folder_.Write("ca.pem", authority_.certificate())};
};

TEST_F(TlsCertificatesTest, LoadsWhatBelongsTogether) {
  const auto loaded = TlsCertificates::Load(files_);

  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ((*loaded)->current()->pem.tls_certificate, first_.certificate);
  EXPECT_EQ((*loaded)->current()->generation, 1U);
  EXPECT_TRUE((*loaded)->wants_client_certificates());
  const absl::Duration left = (*loaded)->current()->not_after - absl::Now();
  EXPECT_GT(left, absl::Hours(23));
  EXPECT_LE(left, absl::Hours(24));
}

TEST_F(TlsCertificatesTest, NamesSettingAndFileOfWhatIsMissing) {
  TlsFiles files = files_;
  files.tls_certificate = folder_.path() + "/none";
  ExpectRefused(files, "tls_certificate", folder_.path() + "/none");
  files = files_;
  files.tls_key = folder_.path() + "/none";
  ExpectRefused(files, "tls_key", folder_.path() + "/none");
  files = files_;
  files.tls_client_ca = folder_.path();
  ExpectRefused(files, "tls_client_ca", folder_.path() + " is a folder");
}

TEST_F(TlsCertificatesTest, RejectsWhatIsNoPem) {
  const std::string text = folder_.Write("text", "no PEM");
  TlsFiles files = files_;
  files.tls_certificate = text;
  ExpectRefused(files, "tls_certificate holds no PEM certificate", text);
  files = files_;
  files.tls_key = files_.tls_certificate;
  ExpectRefused(files, "tls_key holds no PEM private key", files.tls_key);
  files = files_;
  files.tls_client_ca = files_.tls_key;
  ExpectRefused(files, "tls_client_ca holds no PEM certificate", files.tls_client_ca);
}

TEST_F(TlsCertificatesTest, RejectsAKeyThatNeedsAPassphrase) {
  folder_.Write("key.pem", testing::EncryptedKey(first_.key));
  ExpectRefused(files_, "tls_key", "needs a passphrase");
}

TEST_F(TlsCertificatesTest, RejectsTheKeyOfAnotherCertificate) {
  folder_.Write("key.pem", second_.key);
  ExpectRefused(files_, "tls_key does not belong to tls_certificate", files_.tls_key);
}

TEST_F(TlsCertificatesTest, RejectsWhatOpenSslRefuses) {
  const CertificateAndKey weak = authority_.Issue("server", testing::kLoopbackNames, {.small_rsa_key = true});
  const auto loaded = TlsCertificates::Load(files_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  folder_.Write("cert.pem", weak.certificate);
  folder_.Write("key.pem", weak.key);

  ExpectRefused(files_, "tls_certificate is refused by OpenSSL", "too small");
  EXPECT_FALSE((*loaded)->Reload().ok());
  EXPECT_EQ((*loaded)->current()->pem.tls_certificate, first_.certificate) << "the old pair stays";
}

TEST_F(TlsCertificatesTest, LooksAtTheWholeChain) {
  const CertificateAndKey weak = authority_.Issue("between", "", {.small_rsa_key = true});
  const std::string damaged = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n";

  folder_.Write("cert.pem", first_.certificate + authority_.certificate());
  EXPECT_TRUE(TlsCertificates::Load(files_).ok());
  folder_.Write("cert.pem", first_.certificate + weak.certificate);
  ExpectRefused(files_, "tls_certificate is refused by OpenSSL", "too small");
  folder_.Write("cert.pem", first_.certificate + damaged);
  ExpectRefused(files_, "tls_certificate holds a damaged certificate", files_.tls_certificate);
  folder_.Write("cert.pem", first_.certificate);
  folder_.Write("ca.pem", authority_.certificate() + damaged);
  ExpectRefused(files_, "tls_client_ca holds a damaged certificate", files_.tls_client_ca);
}

TEST_F(TlsCertificatesTest, TheOldPairStaysUntilBothFilesAreNew) {
  const auto loaded = TlsCertificates::Load(files_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();

  folder_.Write("cert.pem", second_.certificate);
  EXPECT_FALSE((*loaded)->Reload().ok());
  EXPECT_EQ((*loaded)->current()->pem.tls_certificate, first_.certificate);

  folder_.Write("key.pem", second_.key);
  EXPECT_TRUE(*(*loaded)->Reload());
  EXPECT_EQ((*loaded)->current()->pem.tls_certificate, second_.certificate);
  EXPECT_EQ((*loaded)->current()->generation, 2U);
  EXPECT_FALSE(*(*loaded)->Reload());
}

TEST_F(TlsCertificatesTest, AMissingFileKeepsTheOldPair) {
  const auto loaded = TlsCertificates::Load(files_);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  std::filesystem::remove(files_.tls_key);

  EXPECT_FALSE((*loaded)->Reload().ok());
  EXPECT_EQ((*loaded)->current()->pem.tls_key, first_.key);
}

}  // namespace
}  // namespace bayespfl::server
