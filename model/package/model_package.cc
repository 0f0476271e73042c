#include "model/package/model_package.h"

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/sha256.h"

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

// Name and size first, so that bytes cannot move from one file to the next unnoticed.
void AddFile(Sha256& digest, absl::string_view name, absl::string_view content) {
  digest.Add(absl::StrCat(name, "\n"));
  digest.AddPart(content);
}

absl::string_view Bytes(const SafetensorsFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

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
  AddFile(digest, "config.json", *config_text);
  AddFile(digest, "clip.safetensors", Bytes(**clip));
  AddFile(digest, "bayespfl.safetensors", Bytes(**bayespfl));
  AddFile(digest, "vocabulary", *vocabulary);
  return ModelPackage{*std::move(config), *std::move(clip), *std::move(bayespfl), vocabulary_path, digest.HexDigest()};
}

}  // namespace bayespfl
