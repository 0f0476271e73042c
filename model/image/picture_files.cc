#include "model/image/picture_files.h"

#include <algorithm>
#include <array>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::Status CannotRead(absl::string_view kind, const fs::path& path, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value(), absl::StrCat("cannot read the ", kind, " ", path.string()));
}

// Walked by hand: the standard library's recursive iterator does not tell which folder it could not read.
absl::Status AddPicturesBelow(const fs::path& folder, const std::optional<fs::path>& exclude,
                              std::vector<fs::path>& pictures) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error); !error && entry != fs::directory_iterator();
       entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) {
      const bool excluded = exclude.has_value() && fs::equivalent(entry->path(), *exclude, ignored);
      if (excluded || entry->is_symlink(ignored)) continue;
      if (absl::Status below = AddPicturesBelow(entry->path(), exclude, pictures); !below.ok()) return below;
    } else if (entry->is_regular_file(ignored) && HasPictureExtension(entry->path())) {
      pictures.push_back(entry->path());
    }
  }
  return error ? CannotRead("folder", folder, error) : absl::OkStatus();
}

absl::Status AddFolder(const fs::path& folder, const std::optional<fs::path>& exclude,
                       std::vector<PictureFile>& files) {
  std::vector<fs::path> pictures;
  if (absl::Status status = AddPicturesBelow(folder, exclude, pictures); !status.ok()) return status;
  if (pictures.empty()) return absl::NotFoundError(absl::StrCat("no picture in the folder ", folder.string()));
  std::sort(pictures.begin(), pictures.end());
  for (fs::path& picture : pictures) {
    std::string name = picture.lexically_relative(folder).generic_string();
    files.push_back({.path = std::move(picture), .name = std::move(name)});
  }
  return absl::OkStatus();
}

}  // namespace

bool HasPictureExtension(const fs::path& file) {
  static constexpr std::array<absl::string_view, 7> kExtensions = {".jpg", ".jpeg", ".png", ".bmp",
                                                                   ".tif", ".tiff", ".webp"};
  const std::string extension = absl::AsciiStrToLower(file.extension().string());
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string PictureName(const fs::path& file) {
  const bool leaves = std::find(file.begin(), file.end(), fs::path("..")) != file.end();
  return file.is_absolute() || leaves ? file.filename().string() : file.lexically_normal().generic_string();
}

absl::StatusOr<std::vector<PictureFile>> FindPictureFiles(const std::vector<std::string>& arguments,
                                                          const std::optional<fs::path>& exclude) {
  std::vector<PictureFile> files;
  for (const std::string& argument : arguments) {
    const fs::path path = argument;
    std::error_code error;
    const fs::file_status status = fs::status(path, error);
    if (status.type() == fs::file_type::not_found) {
      return absl::NotFoundError(absl::StrCat("no such file or folder: ", argument));
    }
    if (status.type() == fs::file_type::none) return CannotRead("file", path, error);
    if (fs::is_directory(status)) {
      if (absl::Status added = AddFolder(path, exclude, files); !added.ok()) return added;
    } else {
      files.push_back({.path = path, .name = PictureName(path)});
    }
  }
  return files;
}

absl::StatusOr<std::string> ReadPictureFile(const fs::path& path) { return ReadFile(path, kMaxPictureFileBytes); }

}  // namespace bayespfl
