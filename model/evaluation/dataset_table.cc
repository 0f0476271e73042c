#include "model/evaluation/dataset_table.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/csv.h"
#include "base/files.h"

namespace bayespfl {
namespace {

constexpr size_t kMaxTableBytes = size_t{256} << 20;

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
  for (const absl::string_view normal : {"0", "normal", "good", "ok"}) {
    if (label == normal) return false;
  }
  for (const absl::string_view anomalous : {"1", "anomalous", "anomaly", "defective"}) {
    if (label == anomalous) return true;
  }
  return LineError(
      line, absl::StrCat("the label \"", text, "\" is none of 0, normal, good, ok; 1, anomalous, anomaly, defective"));
}

absl::StatusOr<DatasetItem> ParseRow(const CsvRow& row, const Table& table) {
  if (row.fields.size() != table.columns) {
    return LineError(row.line, absl::StrCat("the row has ", row.fields.size(), " fields, the header ", table.columns));
  }
  const auto optional_field = [&](const std::optional<size_t>& column) {
    return column.has_value() ? row.fields[*column] : std::string();
  };
  DatasetItem item{.image = row.fields[table.image],
                   .category = std::string(absl::StripAsciiWhitespace(row.fields[table.category]))};
  if (item.image.empty()) return LineError(row.line, "the image is empty");
  if (item.category.empty()) return LineError(row.line, "the category is empty");
  const absl::StatusOr<bool> anomalous = ParseLabel(row.line, row.fields[table.label]);
  if (!anomalous.ok()) return anomalous.status();
  item.anomalous = *anomalous;
  if (item.anomalous) item.defect = optional_field(table.defect);
  if (std::string mask = optional_field(table.mask); !mask.empty()) item.masks.push_back(std::move(mask));
  if (!item.anomalous && !item.masks.empty()) {
    return LineError(row.line, "a normal picture must have an empty mask");
  }
  return item;
}

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

}  // namespace

absl::StatusOr<TableContent> ReadTable(const std::filesystem::path& file, TableKind kind, const std::string& split) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxTableBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<TableContent> content =
      ParseTable(*text, kind == TableKind::kVisa ? kVisaColumns : kCsvColumns, split);
  if (!content.ok()) {
    return absl::Status(content.status().code(), absl::StrCat(file.string(), ": ", content.status().message()));
  }
  return content;
}

}  // namespace bayespfl
