#include "model/evaluation/dataset_folders.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "model/evaluation/mask_files.h"
#include "model/image/picture_files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

// One folder of pictures with one label.
struct PictureFolder {
  fs::path folder;                     // relative to the root; need not be there
  DatasetItem like;                    // category, defect and label of its pictures
  std::optional<fs::path> masks = {};  // of anomalous pictures, relative to the root; absent: there are none
};

absl::Status AddPictures(const PictureFolder& from, Dataset& dataset) {
  if (!IsFolder(dataset.root / from.folder)) return absl::OkStatus();
  const absl::StatusOr<FoundPictures> found = PicturesBelow(dataset.root / from.folder);
  if (!found.ok()) return found.status();
  dataset.left_out += found->left_out;
  std::optional<MaskFiles> masks;
  if (from.like.anomalous && from.masks.has_value()) {
    absl::StatusOr<MaskFiles> listed = MaskFiles::List(dataset.root, *from.masks);
    if (!listed.ok()) return listed.status();
    masks = *std::move(listed);
  }
  for (const PictureFile& file : found->files) {
    DatasetItem item = from.like;
    item.image = (from.folder / file.name).generic_string();
    if (masks.has_value()) item.masks = masks->Of(file.name);
    dataset.items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

}  // namespace

bool IsNormalKind(absl::string_view folder) {
  return absl::EqualsIgnoreCase(folder, "good") || absl::EqualsIgnoreCase(folder, "ok") ||
         absl::EqualsIgnoreCase(folder, "normal");
}

absl::StatusOr<std::vector<std::string>> FoldersIn(const fs::path& folder) {
  std::vector<std::string> names;
  if (!IsFolder(folder)) return names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!absl::StartsWith(name, ".") && IsFolder(entry->path())) names.push_back(std::move(name));
  }
  if (error) return absl::UnknownError(absl::StrCat("cannot list ", folder.string(), ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

absl::Status ListMvtec(const std::string& split, Dataset& dataset) {
  const absl::StatusOr<std::vector<std::string>> categories = FoldersIn(dataset.root);
  if (!categories.ok()) return categories.status();
  for (const std::string& category : *categories) {
    const fs::path part = fs::path(category) / split;
    const absl::StatusOr<std::vector<std::string>> kinds = FoldersIn(dataset.root / part);
    if (!kinds.ok()) return kinds.status();
    const fs::path truth = fs::path(category) / "ground_truth";
    const bool has_truth = IsFolder(dataset.root / truth);
    for (const std::string& kind : *kinds) {
      const bool normal = IsNormalKind(kind);
      PictureFolder from{.folder = part / kind,
                         .like = {.category = category, .defect = normal ? "" : kind, .anomalous = !normal}};
      if (has_truth) from.masks = truth / kind;
      if (absl::Status status = AddPictures(from, dataset); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

absl::Status ListVisaFolders(Dataset& dataset) {
  const absl::StatusOr<std::vector<std::string>> categories = FoldersIn(dataset.root);
  if (!categories.ok()) return categories.status();
  for (const std::string& category : *categories) {
    const fs::path data = fs::path(category) / "Data";
    PictureFolder normal{.folder = data / "Images" / "Normal", .like = {.category = category}};
    PictureFolder anomalous{.folder = data / "Images" / "Anomaly", .like = {.category = category, .anomalous = true}};
    if (IsFolder(dataset.root / data / "Masks")) anomalous.masks = data / "Masks" / "Anomaly";
    for (const PictureFolder* from : {&normal, &anomalous}) {
      if (absl::Status status = AddPictures(*from, dataset); !status.ok()) return status;
    }
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
