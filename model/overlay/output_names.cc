#include "model/overlay/output_names.h"

#include <cstddef>
#include <system_error>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "model/image/picture_files.h"

namespace bayespfl {
namespace {

// File systems allow 255 bytes; "-NNNNN_overlay.png" must fit behind it.
constexpr size_t kMaxComponentBytes = 200;

std::string Clean(std::string component) {
  for (char& c : component) {
    if (absl::ascii_iscntrl(static_cast<unsigned char>(c)) || c == '\\') c = '_';
  }
  if (component.size() > kMaxComponentBytes) {
    size_t end = kMaxComponentBytes;
    while (end > 0 && (static_cast<unsigned char>(component[end]) & 0xC0U) == 0x80U) --end;  // not inside a character
    component.resize(end);
  }
  return component;
}

// The name without root, "." and ".." and extension.
std::filesystem::path Stem(absl::string_view input_name) {
  const std::filesystem::path path{std::string(input_name)};
  std::filesystem::path stem;
  for (const std::filesystem::path& part : path.relative_path().parent_path()) {
    if (part.empty() || part == "." || part == "..") continue;
    stem /= Clean(part.string());
  }
  std::string last = path.stem().string();
  if (last.empty() || last == "." || last == "..") last = "picture";
  return stem / Clean(std::move(last));
}

std::filesystem::path Canonical(const std::filesystem::path& file) {
  std::error_code error;
  std::filesystem::path canonical = std::filesystem::weakly_canonical(std::filesystem::absolute(file, error), error);
  return error ? file.lexically_normal() : canonical;
}

}  // namespace

void OutputNames::Protect(const std::filesystem::path& file) { protected_.insert(Canonical(file)); }

bool OutputNames::Take(const OutputFiles& files, const std::string& key) {
  if (taken_.contains(key)) return false;
  if (!protected_.empty() &&
      (protected_.contains(Canonical(files.overlay)) || protected_.contains(Canonical(files.mask)))) {
    return false;
  }
  taken_.insert(key);
  return true;
}

OutputFiles OutputNames::For(absl::string_view input_name) {
  const std::string stem = Stem(input_name).generic_string();
  for (size_t number = 1;; ++number) {
    const std::string name = number == 1 ? stem : absl::StrCat(stem, "-", number);
    OutputFiles files{.overlay = folder_ / absl::StrCat(name, kOverlayEnding),
                      .mask = folder_ / absl::StrCat(name, kMaskEnding)};
    if (Take(files, absl::AsciiStrToLower(name))) return files;
  }
}

}  // namespace bayespfl
