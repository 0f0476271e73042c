#include "model/synthetic/photographs.h"

#include <algorithm>
#include <map>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/types/span.h"
#include "model/synthetic/scene.h"

namespace bayespfl::synthetic {
namespace {

namespace fs = std::filesystem;

// The last component of the path, which may end with a slash, or be ".".
std::string FolderName(const fs::path& folder) {
  std::error_code error;
  fs::path whole = fs::absolute(folder, error).lexically_normal();
  if (error) whole = folder;
  if (whole.filename().empty()) whole = whole.parent_path();
  const std::string name = whole.filename().string();
  return name.empty() ? "pictures" : name;
}

std::string CategoryOf(const PictureFile& file, const std::string& folder_name) {
  const size_t slash = file.name.find('/');
  return slash == std::string::npos ? folder_name : file.name.substr(0, slash);
}

absl::StatusOr<RgbImage> Read(const PictureFile& file, const PictureReading& reading) {
  const absl::StatusOr<std::string> bytes = ReadPictureFile(file.path);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<RgbImage> picture =
      ReadPicture({reinterpret_cast<const uint8_t*>(bytes->data()), bytes->size()}, reading);
  if (!picture.ok()) return picture.status();
  if (std::min(picture->width, picture->height) < kLeastPhotographSide) {
    return absl::InvalidArgumentError(absl::StrCat(picture->width, " x ", picture->height, " pixels, less than ",
                                                   kLeastPhotographSide, " along a side"));
  }
  return picture;
}

}  // namespace

std::string BadPhotograph::Sentence() const { return absl::StrCat(name, ": ", reason); }

int64_t Photographs::count() const {
  int64_t count = 0;
  for (const PhotographCategory& category : categories) count += static_cast<int64_t>(category.files.size());
  return count;
}

absl::StatusOr<RgbImage> ReadPhotograph(const PictureFile& file, const PictureReading& reading) {
  absl::StatusOr<RgbImage> picture = Read(file, reading);
  if (picture.ok()) return picture;
  return absl::Status(picture.status().code(), absl::StrCat(file.name, ": ", picture.status().message()));
}

absl::StatusOr<Photographs> OpenPhotographs(const fs::path& folder, const PictureReading& reading,
                                            const PhotographObserver& observer) {
  std::error_code error;
  if (!fs::is_directory(folder, error)) {
    return absl::NotFoundError(absl::StrCat("there is no folder ", folder.string()));
  }
  absl::StatusOr<FoundPictures> found = PicturesBelow(folder);
  if (!found.ok()) return found.status();
  Photographs photographs{.left_out = found->left_out, .reading = reading};
  if (found->files.empty()) {
    const std::string left_out = found->left_out.Sentence();
    return absl::NotFoundError(
        absl::StrCat("there is no picture in ", folder.string(), left_out.empty() ? "" : "; ", left_out));
  }
  const std::string folder_name = FolderName(folder);
  const auto total = static_cast<int64_t>(found->files.size());
  int64_t done = 0;
  std::map<std::string, std::vector<PictureFile>> categories;
  for (PictureFile& file : found->files) {
    const absl::StatusOr<RgbImage> picture = Read(file, reading);
    if (picture.ok()) {
      categories[CategoryOf(file, folder_name)].push_back(std::move(file));
    } else {
      photographs.bad.push_back({file.name, std::string(picture.status().message())});
    }
    if (observer) observer(++done, total);
  }
  if (categories.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("none of the ", total, " pictures in ", folder.string(),
                                                   " can be used; ", photographs.bad.front().Sentence()));
  }
  for (auto& [name, files] : categories) photographs.categories.push_back({name, std::move(files)});
  return photographs;
}

}  // namespace bayespfl::synthetic
