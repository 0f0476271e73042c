#include "base/sha256.h"

#include <openssl/evp.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {

struct Sha256::Context {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> evp{EVP_MD_CTX_new(), EVP_MD_CTX_free};
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  EVP_DigestInit_ex(context_->evp.get(), EVP_sha256(), nullptr);
}

Sha256::~Sha256() = default;

void Sha256::Add(const void* data, size_t size) { EVP_DigestUpdate(context_->evp.get(), data, size); }

void Sha256::AddFile(const std::string& name, const void* data, size_t size) {
  const std::string head = absl::StrCat(name, "\n", size, "\n");
  Add(head.data(), head.size());
  Add(data, size);
}

std::string Sha256::HexDigest() {
  std::array<char, EVP_MAX_MD_SIZE> digest = {};
  unsigned int size = 0;
  EVP_DigestFinal_ex(context_->evp.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
  return absl::BytesToHexString({digest.data(), size});
}

std::string Sha256Hex(absl::string_view bytes) {
  Sha256 digest;
  digest.Add(bytes.data(), bytes.size());
  return digest.HexDigest();
}

absl::StatusOr<std::string> Sha256OfFile(const std::string& path) {
  constexpr size_t kPieceBytes = 1 << 20;
  std::ifstream file(path, std::ios::binary);
  std::error_code ignored;
  if (!file || std::filesystem::is_directory(path, ignored))
    return absl::NotFoundError(absl::StrCat("cannot open ", path));
  Sha256 digest;
  std::vector<char> piece(kPieceBytes);
  while (file) {
    file.read(piece.data(), static_cast<std::streamsize>(piece.size()));
    digest.Add(piece.data(), static_cast<size_t>(file.gcount()));
  }
  if (!file.eof()) return absl::DataLossError(absl::StrCat("cannot read ", path));
  return digest.HexDigest();
}

}  // namespace bayespfl
