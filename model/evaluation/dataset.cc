#include "model/evaluation/dataset.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <set>
#include <system_error>
#include <tuple>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "base/csv.h"
#include "base/files.h"
#include "model/image/picture_files.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxTableBytes = size_t{256} << 20;
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

// Names of the entries that `wanted` takes, sorted, without hidden ones. A folder that is not there has none.
template <typename Wanted>
absl::StatusOr<std::vector<std::string>> Names(const fs::path& folder, Wanted wanted) {
  std::vector<std::string> names;
  if (!IsFolder(folder)) return names;
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::string name = entry->path().filename().string();
    if (!absl::StartsWith(name, ".") && wanted(entry->path())) names.push_back(std::move(name));
  }
  if (error) return absl::UnknownError(absl::StrCat("cannot list ", folder.string(), ": ", error.message()));
  std::sort(names.begin(), names.end());
  return names;
}

absl::StatusOr<std::vector<std::string>> Folders(const fs::path& folder) { return Names(folder, IsFolder); }

absl::StatusOr<std::vector<std::string>> Pictures(const fs::path& folder) {
  return Names(folder, [](const fs::path& path) { return HasPictureExtension(path) && IsFile(path); });
}

// ---------------------------------------------------------------------------------------------- folder layouts

// Adds the pictures of `folder` (relative to the root). `mask_of` gives the relative path of a picture's mask.
template <typename MaskOf>
absl::Status AddPictures(const fs::path& root, const fs::path& folder, const DatasetItem& like, MaskOf mask_of,
                         std::vector<DatasetItem>& items) {
  const absl::StatusOr<std::vector<std::string>> names = Pictures(root / folder);
  if (!names.ok()) return names.status();
  for (const std::string& name : *names) {
    DatasetItem item = like;
    item.image = (folder / name).generic_string();
    if (like.anomalous) item.mask = mask_of(fs::path(name).stem().string()).generic_string();
    items.push_back(std::move(item));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<DatasetItem>> ListMvtec(const fs::path& root, const std::string& split) {
  std::vector<DatasetItem> items;
  const absl::StatusOr<std::vector<std::string>> categories = Folders(root);
  if (!categories.ok()) return categories.status();
  for (const std::string& category : *categories) {
    const fs::path part = fs::path(category) / split;
    const absl::StatusOr<std::vector<std::string>> kinds = Folders(root / part);
    if (!kinds.ok()) return kinds.status();
    const fs::path truth = fs::path(category) / "ground_truth";
    const bool has_truth = IsFolder(root / truth);
    for (const std::string& kind : *kinds) {
      const bool good = kind == "good";
      const DatasetItem like{.category = category, .defect = good ? "" : kind, .anomalous = !good};
      const auto mask_of = [&](const std::string& stem) {
        return has_truth ? truth / kind / absl::StrCat(stem, "_mask.png") : fs::path();
      };
      if (absl::Status status = AddPictures(root, part / kind, like, mask_of, items); !status.ok()) return status;
    }
  }
  return items;
}

absl::StatusOr<std::vector<DatasetItem>> ListVisaFolders(const fs::path& root) {
  std::vector<DatasetItem> items;
  const absl::StatusOr<std::vector<std::string>> categories = Folders(root);
  if (!categories.ok()) return categories.status();
  for (const std::string& category : *categories) {
    const fs::path data = fs::path(category) / "Data";
    const bool has_masks = IsFolder(root / data / "Masks");
    const auto mask_of = [&](const std::string& stem) {
      return has_masks ? data / "Masks" / "Anomaly" / absl::StrCat(stem, ".png") : fs::path();
    };
    for (const bool anomalous : {false, true}) {
      const fs::path folder = data / "Images" / (anomalous ? "Anomaly" : "Normal");
      const DatasetItem like{.category = category, .anomalous = anomalous};
      if (absl::Status status = AddPictures(root, folder, like, mask_of, items); !status.ok()) return status;
    }
  }
  return items;
}

// ---------------------------------------------------------------------------------------------- tables

// Names of the columns of a table; an empty name: the table has no such column.
struct TableColumns {
  absl::string_view category;
  absl::string_view defect;
  bool needs_mask_and_split = false;
};

constexpr TableColumns kVisaColumns{.category = "object", .defect = "", .needs_mask_and_split = true};
constexpr TableColumns kCsvColumns{.category = "category", .defect = "defect"};

absl::Status LineError(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

// Positions of the columns in a row.
struct Table {
  size_t columns = 0;
  size_t image = 0;
  size_t category = 0;
  size_t label = 0;
  std::optional<size_t> mask = {};
  std::optional<size_t> split = {};
  std::optional<size_t> defect = {};
};

absl::StatusOr<std::optional<size_t>> FindColumn(const CsvRow& header, absl::string_view name) {
  const auto is_name = [&](const std::string& field) { return absl::StripAsciiWhitespace(field) == name; };
  const auto found = std::find_if(header.fields.begin(), header.fields.end(), is_name);
  if (name.empty() || found == header.fields.end()) return std::nullopt;
  if (std::any_of(found + 1, header.fields.end(), is_name)) {
    return LineError(header.line, absl::StrCat("the header names the column \"", name, "\" twice"));
  }
  return static_cast<size_t>(found - header.fields.begin());
}

absl::StatusOr<Table> ReadHeader(CsvReader& reader, const TableColumns& names) {
  const absl::StatusOr<std::optional<CsvRow>> header = reader.Next();
  if (!header.ok()) return header.status();
  if (!header->has_value()) return absl::InvalidArgumentError("is empty: a header must come first");
  Table table{.columns = (*header)->fields.size()};
  const auto find = [&](absl::string_view name, bool required, std::optional<size_t>& column) -> absl::Status {
    const absl::StatusOr<std::optional<size_t>> found = FindColumn(**header, name);
    if (!found.ok()) return found.status();
    if (required && !found->has_value()) {
      return LineError((*header)->line, absl::StrCat("the header has no column \"", name, "\""));
    }
    column = *found;
    return absl::OkStatus();
  };
  std::optional<size_t> image;
  std::optional<size_t> category;
  std::optional<size_t> label;
  absl::Status status = find("image", true, image);
  status.Update(find(names.category, true, category));
  status.Update(find("label", true, label));
  status.Update(find("mask", names.needs_mask_and_split, table.mask));
  status.Update(find("split", names.needs_mask_and_split, table.split));
  status.Update(find(names.defect, false, table.defect));
  if (!status.ok()) return status;
  table.image = *image;
  table.category = *category;
  table.label = *label;
  return table;
}

// Whether the label says anomalous.
absl::StatusOr<bool> ParseLabel(int line, absl::string_view text) {
  const std::string label = absl::AsciiStrToLower(absl::StripAsciiWhitespace(text));
  for (const absl::string_view normal : {"0", "normal", "good"}) {
    if (label == normal) return false;
  }
  for (const absl::string_view anomalous : {"1", "anomalous", "anomaly", "defective"}) {
    if (label == anomalous) return true;
  }
  return LineError(
      line, absl::StrCat("the label \"", text, "\" is none of 0, normal, good; 1, anomalous, anomaly, defective"));
}

absl::StatusOr<DatasetItem> ParseRow(const CsvRow& row, const Table& table) {
  if (row.fields.size() != table.columns) {
    return LineError(row.line, absl::StrCat("the row has ", row.fields.size(), " fields, the header ", table.columns));
  }
  const auto optional_field = [&](const std::optional<size_t>& column) {
    return column.has_value() ? row.fields[*column] : std::string();
  };
  DatasetItem item{.image = row.fields[table.image],
                   .mask = optional_field(table.mask),
                   .category = std::string(absl::StripAsciiWhitespace(row.fields[table.category]))};
  if (item.image.empty()) return LineError(row.line, "the image is empty");
  if (item.category.empty()) return LineError(row.line, "the category is empty");
  const absl::StatusOr<bool> anomalous = ParseLabel(row.line, row.fields[table.label]);
  if (!anomalous.ok()) return anomalous.status();
  item.anomalous = *anomalous;
  if (item.anomalous) item.defect = optional_field(table.defect);
  if (!item.anomalous && !item.mask.empty()) {
    return LineError(row.line, "a normal picture must have an empty mask");
  }
  return item;
}

struct TableContent {
  std::vector<DatasetItem> items;
  bool has_split = false;
};

// The rows of one split; all rows when the table has no such column.
absl::StatusOr<TableContent> ParseTable(absl::string_view text, const TableColumns& names, const std::string& split) {
  CsvReader reader(text);
  const absl::StatusOr<Table> table = ReadHeader(reader, names);
  if (!table.ok()) return table.status();
  TableContent content{.items = {}, .has_split = table->split.has_value()};
  for (;;) {
    const absl::StatusOr<std::optional<CsvRow>> row = reader.Next();
    if (!row.ok()) return row.status();
    if (!row->has_value()) return content;
    absl::StatusOr<DatasetItem> item = ParseRow(**row, *table);
    if (!item.ok()) return item.status();
    if (!table->split.has_value() || (*row)->fields[*table->split] == split) content.items.push_back(*std::move(item));
  }
}

absl::StatusOr<TableContent> ReadTable(const fs::path& file, const TableColumns& names, const std::string& split) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxTableBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<TableContent> content = ParseTable(*text, names, split);
  if (!content.ok()) {
    return absl::Status(content.status().code(), absl::StrCat(file.string(), ": ", content.status().message()));
  }
  return content;
}

// ---------------------------------------------------------------------------------------------- choosing a layout

bool AnyCategoryHas(const fs::path& root, const fs::path& below) {
  const absl::StatusOr<std::vector<std::string>> categories = Folders(root);
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
    case DatasetLayout::kVisaFolders: {
      dataset.split.clear();
      absl::StatusOr<std::vector<DatasetItem>> items = ListVisaFolders(dataset.root);
      if (!items.ok()) return items.status();
      dataset.items = *std::move(items);
      return absl::OkStatus();
    }
    case DatasetLayout::kVisaTable:
    case DatasetLayout::kCsv: {
      const bool visa = dataset.layout == DatasetLayout::kVisaTable;
      absl::StatusOr<TableContent> content =
          ReadTable(visa ? dataset.root / kVisaTable : path, visa ? kVisaColumns : kCsvColumns, options.split);
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
  absl::StatusOr<std::vector<DatasetItem>> items = ListMvtec(dataset.root, options.split);
  if (!items.ok()) return items.status();
  dataset.items = *std::move(items);
  return absl::OkStatus();
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
  const absl::StatusOr<DatasetLayout> layout = ChooseLayout(clean, options);
  if (!layout.ok()) return layout.status();
  std::error_code ignored;
  Dataset dataset{.name = fs::absolute(clean, ignored).lexically_normal().filename().string(),
                  .root = *layout == DatasetLayout::kCsv ? clean.parent_path() : clean,
                  .layout = *layout};
  if (absl::Status status = List(clean, options, dataset); !status.ok()) return status;
  if (dataset.items.empty()) {
    return absl::NotFoundError(
        absl::StrCat(clean.string(), " (", LayoutTitle(dataset.layout), ") has no picture",
                     dataset.split.empty() ? "" : absl::StrCat(" of the split \"", dataset.split, "\"")));
  }
  dataset.image_only =
      std::all_of(dataset.items.begin(), dataset.items.end(),
                  [](const DatasetItem& item) { return item.mask.empty(); }) &&
      std::any_of(dataset.items.begin(), dataset.items.end(), [](const DatasetItem& item) { return item.anomalous; });
  if (absl::Status status = KeepCategories(options.categories, dataset.items); !status.ok()) return status;
  std::stable_sort(dataset.items.begin(), dataset.items.end(), [](const DatasetItem& a, const DatasetItem& b) {
    return std::tie(a.category, a.image) < std::tie(b.category, b.image);
  });
  LimitEachCategory(options.limit, dataset.items);
  return dataset;
}

}  // namespace bayespfl
