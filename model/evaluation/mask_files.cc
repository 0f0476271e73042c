#include "model/evaluation/mask_files.h"

#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/image/picture_files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

constexpr absl::string_view kMaskSuffix = "_mask";

std::string WithoutEnding(const fs::path& file) { return fs::path(file).replace_extension().generic_string(); }

}  // namespace

absl::StatusOr<MaskFiles> MaskFiles::List(const fs::path& root, const fs::path& folder) {
  MaskFiles masks(folder);
  std::error_code ignored;
  if (!fs::is_directory(root / folder, ignored)) return masks;
  absl::StatusOr<FoundPictures> found = PicturesBelow(root / folder, {.skip_results = false});
  if (!found.ok()) return found.status();
  for (const PictureFile& file : found->files) {
    const std::string path = (folder / file.name).generic_string();
    const std::string name = WithoutEnding(file.name);
    const fs::path parent = fs::path(file.name).parent_path();
    if (absl::EndsWithIgnoreCase(name, kMaskSuffix)) {
      masks.suffixed_[name.substr(0, name.size() - kMaskSuffix.size())].push_back(path);
    }
    masks.plain_[name].push_back(path);
    if (!parent.empty()) masks.several_[parent.generic_string()].push_back(path);
  }
  return masks;
}

std::vector<std::string> MaskFiles::Of(const std::string& picture) const {
  const std::string name = WithoutEnding(picture);
  for (const auto* masks : {&suffixed_, &plain_, &several_}) {
    if (const auto found = masks->find(name); found != masks->end()) return found->second;
  }
  return {(folder_ / absl::StrCat(name, kMaskSuffix, ".png")).generic_string()};
}

}  // namespace bayespfl
