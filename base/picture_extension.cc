#include "base/picture_extension.h"

#include <algorithm>
#include <array>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

bool HasPictureExtension(const std::filesystem::path& file) {
  static constexpr std::array<absl::string_view, 7> kExtensions = {".jpg", ".jpeg", ".png", ".bmp",
                                                                   ".tif", ".tiff", ".webp"};
  const std::string extension = absl::AsciiStrToLower(file.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

}  // namespace bayespfl
