#include "model/package/model_package.h"

#include <openssl/evp.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr uintmax_t kMaxConfigBytes = 1 << 20;
constexpr uintmax_t kMaxVocabularyBytes = 64 << 20;

absl::StatusOr<std::string> ReadFile(const std::string& path, uintmax_t max_bytes) {
  std::error_code error;
  const uintmax_t size = std::filesystem::file_size(path, error);
  if (error) return absl::NotFoundError(absl::StrCat("cannot open ", path, ": ", error.message()));
  if (size > max_bytes) {
    return absl::InvalidArgumentError(absl::StrCat(path, " has ", size, " bytes; at most ", max_bytes, " make sense"));
  }
  std::ifstream stream(path, std::ios::binary);
  std::string content((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  if (!stream || content.size() != size) return absl::DataLossError(absl::StrCat("cannot read ", path));
  return content;
}

class Sha256 {
 public:
  Sha256() : context_(EVP_MD_CTX_new(), EVP_MD_CTX_free) { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }

  // Name and size first, so that bytes cannot move from one file to the next unnoticed.
  void AddFile(const std::string& name, const void* data, size_t size) {
    const std::string head = absl::StrCat(name, "\n", size, "\n");
    EVP_DigestUpdate(context_.get(), head.data(), head.size());
    EVP_DigestUpdate(context_.get(), data, size);
  }

  std::string HexDigest() {
    std::array<char, EVP_MAX_MD_SIZE> digest = {};
    unsigned int size = 0;
    EVP_DigestFinal_ex(context_.get(), reinterpret_cast<unsigned char*>(digest.data()), &size);
    return absl::BytesToHexString({digest.data(), size});
  }

 private:
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context_;
};

}  // namespace

absl::StatusOr<ModelPackage> ModelPackage::Open(const std::string& dir) {
  if (!std::filesystem::is_directory(dir)) {
    return absl::NotFoundError(absl::StrCat("no model package: ", dir, " is not a folder"));
  }
  const std::filesystem::path root(dir);
  absl::StatusOr<std::string> config_text = ReadFile(root / "config.json", kMaxConfigBytes);
  if (!config_text.ok()) return config_text.status();
  absl::StatusOr<ModelConfig> config = ParseModelConfig(*config_text);
  if (!config.ok()) return absl::Status(config.status().code(), absl::StrCat(dir, "/", config.status().message()));
  auto clip = SafetensorsFile::Open(root / "clip.safetensors");
  if (!clip.ok()) return clip.status();
  auto bayespfl = SafetensorsFile::Open(root / "bayespfl.safetensors");
  if (!bayespfl.ok()) return bayespfl.status();
  const std::string vocabulary_path = root / config->vocabulary_file;
  absl::StatusOr<std::string> vocabulary = ReadFile(vocabulary_path, kMaxVocabularyBytes);
  if (!vocabulary.ok()) return vocabulary.status();

  Sha256 digest;
  digest.AddFile("config.json", config_text->data(), config_text->size());
  digest.AddFile("clip.safetensors", (*clip)->bytes().data(), (*clip)->bytes().size());
  digest.AddFile("bayespfl.safetensors", (*bayespfl)->bytes().data(), (*bayespfl)->bytes().size());
  digest.AddFile("vocabulary", vocabulary->data(), vocabulary->size());
  return ModelPackage{*std::move(config), *std::move(clip), *std::move(bayespfl), vocabulary_path, digest.HexDigest()};
}

}  // namespace bayespfl
