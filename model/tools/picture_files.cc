#include "model/tools/picture_files.h"

#include <algorithm>
#include <cstddef>
#include <filesystem>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"
#include "base/picture_extension.h"
#include "model/image/decode.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::vector<std::string>> PicturesBelow(const std::string& folder) {
  std::vector<std::string> pictures;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_regular_file(ignored) && HasPictureExtension(entry->path()))
      pictures.push_back(entry->path().string());
  }
  if (error) return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read the folder ", folder));
  if (pictures.empty()) return absl::NotFoundError(absl::StrCat("no picture in the folder ", folder));
  std::sort(pictures.begin(), pictures.end());
  return pictures;
}

}  // namespace

absl::StatusOr<std::vector<std::string>> PictureFiles(const std::vector<std::string>& arguments) {
  std::vector<std::string> files;
  for (const std::string& argument : arguments) {
    std::error_code error;
    const fs::file_status status = fs::status(argument, error);
    if (!fs::exists(status)) return absl::NotFoundError(absl::StrCat("no such file or folder: ", argument));
    if (!fs::is_directory(status)) {
      files.push_back(argument);
      continue;
    }
    absl::StatusOr<std::vector<std::string>> below = PicturesBelow(argument);
    if (!below.ok()) return below.status();
    files.insert(files.end(), below->begin(), below->end());
  }
  return files;
}

absl::StatusOr<std::string> ReadPictureFile(const std::string& path) {
  return ReadFile(path, static_cast<size_t>(ImageLimits().max_bytes));
}

}  // namespace bayespfl
