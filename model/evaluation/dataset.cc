#include "model/evaluation/dataset.h"

#include <algorithm>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "model/evaluation/dataset_folders.h"
#include "model/evaluation/dataset_table.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

constexpr char kVisaTable[] = "split_csv/1cls.csv";
constexpr char kVisaImages[] = "Data/Images";

bool IsFolder(const fs::path& path) {
  std::error_code ignored;
  return fs::is_directory(path, ignored);
}

bool IsFile(const fs::path& path) {
  std::error_code ignored;
  return fs::is_regular_file(path, ignored);
}

// ---------------------------------------------------------------------------------------------- choosing a layout

bool AnyCategoryHas(const fs::path& root, const fs::path& below) {
  const absl::StatusOr<std::vector<std::string>> categories = FoldersIn(root);
  return categories.ok() && std::any_of(categories->begin(), categories->end(),
                                        [&](const std::string& name) { return IsFolder(root / name / below); });
}

absl::Status UnknownLayout(const fs::path& root, const std::string& split) {
  std::string hint;
  if (IsFolder(root / split) || IsFolder(root / kVisaImages)) {
    hint = absl::StrCat("; it looks like a single category: give the folder above and --categories ",
                        root.filename().string());
  }
  return absl::InvalidArgumentError(absl::StrCat(
      root.string(), " is no known data set: neither <category>/", split, "/<good|defect>/ (MVTec), nor ", kVisaTable,
      " or <category>/", kVisaImages, "/<Normal|Anomaly>/ (VisA) was found in it, and it is no CSV file", hint));
}

absl::StatusOr<DatasetLayout> ChooseFolderLayout(const fs::path& root, const DatasetOptions& options) {
  const bool table = IsFile(root / kVisaTable);
  const bool visa = table || AnyCategoryHas(root, kVisaImages);
  const bool mvtec = AnyCategoryHas(root, options.split);
  const DatasetLayout visa_kind = table ? DatasetLayout::kVisaTable : DatasetLayout::kVisaFolders;
  switch (options.layout) {
    case DatasetLayout::kAuto:
      if (visa && mvtec) {
        return absl::InvalidArgumentError(
            absl::StrCat(root.string(), " holds both MVTec and VisA folders; say which with --layout"));
      }
      if (visa) return visa_kind;
      if (mvtec) return DatasetLayout::kMvtec;
      break;
    case DatasetLayout::kMvtec:
      if (mvtec) return DatasetLayout::kMvtec;
      break;
    case DatasetLayout::kVisa:
      if (visa) return visa_kind;
      break;
    case DatasetLayout::kVisaTable:
    case DatasetLayout::kVisaFolders:
    case DatasetLayout::kCsv:
      return absl::InvalidArgumentError(absl::StrCat(root.string(), " is a folder, the layout wants a file"));
  }
  return UnknownLayout(root, options.split);
}

absl::StatusOr<DatasetLayout> ChooseLayout(const fs::path& path, const DatasetOptions& options) {
  if (IsFolder(path)) return ChooseFolderLayout(path, options);
  if (!IsFile(path)) return absl::NotFoundError(absl::StrCat("there is no file or folder ", path.string()));
  if (options.layout == DatasetLayout::kMvtec || options.layout == DatasetLayout::kVisa) {
    return absl::InvalidArgumentError(absl::StrCat(path.string(), " is a file, the layout wants a folder"));
  }
  return DatasetLayout::kCsv;
}

absl::Status List(const fs::path& path, const DatasetOptions& options, Dataset& dataset) {
  dataset.split = options.split;
  switch (dataset.layout) {
    case DatasetLayout::kVisaFolders:
      dataset.split.clear();
      return ListVisaFolders(dataset);
    case DatasetLayout::kVisaTable:
    case DatasetLayout::kCsv: {
      const bool visa = dataset.layout == DatasetLayout::kVisaTable;
      absl::StatusOr<TableContent> content =
          ReadTable(visa ? dataset.root / kVisaTable : path, visa ? TableKind::kVisa : TableKind::kCsv, options.split);
      if (!content.ok()) return content.status();
      dataset.items = std::move(content->items);
      if (!content->has_split) dataset.split.clear();
      return absl::OkStatus();
    }
    case DatasetLayout::kAuto:
    case DatasetLayout::kVisa:
    case DatasetLayout::kMvtec:
      break;
  }
  return ListMvtec(options.split, dataset);
}

// ---------------------------------------------------------------------------------------------- which pictures

absl::Status KeepCategories(const std::vector<std::string>& wanted, std::vector<DatasetItem>& items) {
  if (wanted.empty()) return absl::OkStatus();
  std::set<std::string> known;
  for (const DatasetItem& item : items) known.insert(item.category);
  for (const std::string& name : wanted) {
    if (!known.contains(name)) {
      return absl::InvalidArgumentError(
          absl::StrCat("the data set has no category \"", name, "\"; it has ", absl::StrJoin(known, ", ")));
    }
  }
  std::erase_if(items, [&](const DatasetItem& item) {
    return std::find(wanted.begin(), wanted.end(), item.category) == wanted.end();
  });
  return absl::OkStatus();
}

// `items` must be sorted by category.
void LimitEachCategory(int64_t limit, std::vector<DatasetItem>& items) {
  if (limit <= 0) return;
  std::vector<DatasetItem> kept;
  for (auto begin = items.begin(); begin != items.end();) {
    const auto end =
        std::find_if(begin, items.end(), [&](const auto& item) { return item.category != begin->category; });
    const int64_t count = end - begin;
    const int64_t wanted = std::min(limit, count);
    for (int64_t i = 0; i < wanted; ++i) kept.push_back(std::move(begin[i * count / wanted]));
    begin = end;
  }
  items = std::move(kept);
}

}  // namespace

absl::string_view LayoutTitle(DatasetLayout layout) {
  switch (layout) {
    case DatasetLayout::kAuto:
      return "automatic";
    case DatasetLayout::kMvtec:
      return "MVTec folders";
    case DatasetLayout::kVisa:
      return "VisA";
    case DatasetLayout::kVisaTable:
      return "VisA split table";
    case DatasetLayout::kVisaFolders:
      return "VisA folders";
    case DatasetLayout::kCsv:
      return "CSV";
  }
  return "unknown";
}

absl::StatusOr<Dataset> OpenDataset(const fs::path& path, const DatasetOptions& options) {
  // "data/mvtec/" and "data/mvtec" are the same folder; only the second has a name.
  const fs::path clean = path.has_filename() ? path : path.parent_path();
  const fs::path split = options.split;
  if (split.empty() || split.filename() != split || split == "." || split == "..") {
    return absl::InvalidArgumentError(absl::StrCat("the split \"", options.split, "\" is no name of a folder"));
  }
  const absl::StatusOr<DatasetLayout> layout = ChooseLayout(clean, options);
  if (!layout.ok()) return layout.status();
  std::error_code ignored;
  Dataset dataset{.name = fs::absolute(clean, ignored).lexically_normal().filename().string(),
                  .root = *layout == DatasetLayout::kCsv ? clean.parent_path() : clean,
                  .layout = *layout};
  if (absl::Status status = List(clean, options, dataset); !status.ok()) return status;
  // Taking all pictures for the one and for the other would let what is learned from judge itself.
  if (dataset.split.empty() && options.split != kUsualSplit) {
    return absl::InvalidArgumentError(absl::StrCat(clean.string(), " (", LayoutTitle(dataset.layout),
                                                   ") has no splits, so none is called \"", options.split, "\""));
  }
  if (dataset.items.empty()) {
    return absl::NotFoundError(
        absl::StrCat(clean.string(), " (", LayoutTitle(dataset.layout), ") has no picture",
                     dataset.split.empty() ? "" : absl::StrCat(" of the split \"", dataset.split, "\"")));
  }
  dataset.image_only =
      std::all_of(dataset.items.begin(), dataset.items.end(),
                  [](const DatasetItem& item) { return item.masks.empty(); }) &&
      std::any_of(dataset.items.begin(), dataset.items.end(), [](const DatasetItem& item) { return item.anomalous; });
  if (absl::Status status = KeepCategories(options.categories, dataset.items); !status.ok()) return status;
  std::stable_sort(dataset.items.begin(), dataset.items.end(), [](const DatasetItem& a, const DatasetItem& b) {
    return std::tie(a.category, a.image) < std::tie(b.category, b.image);
  });
  LimitEachCategory(options.limit, dataset.items);
  return dataset;
}

}  // namespace bayespfl
