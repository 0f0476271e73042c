#include "client/cpp/manifest.h"

#include <algorithm>
#include <cstddef>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "base/csv.h"
#include "base/files.h"
#include "model/image/decode.h"

namespace bayespfl::client {
namespace {

absl::Status LineError(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

struct Columns {
  size_t count = 0;
  size_t image = 0;
  size_t category = 0;
  std::optional<size_t> object = std::nullopt;
  std::optional<size_t> significant_bits = std::nullopt;
};

// Absent: there is no such column.
absl::StatusOr<std::optional<size_t>> FindColumn(const CsvRow& header, absl::string_view name) {
  const auto is_name = [&](const std::string& field) { return absl::StripAsciiWhitespace(field) == name; };
  const auto found = std::find_if(header.fields.begin(), header.fields.end(), is_name);
  if (found == header.fields.end()) return std::optional<size_t>();
  if (std::any_of(found + 1, header.fields.end(), is_name)) {
    return LineError(header.line, absl::StrCat("the header names the column \"", name, "\" twice"));
  }
  return std::optional<size_t>(static_cast<size_t>(found - header.fields.begin()));
}

absl::StatusOr<size_t> RequireColumn(const CsvRow& header, absl::string_view name) {
  const absl::StatusOr<std::optional<size_t>> found = FindColumn(header, name);
  if (!found.ok()) return found.status();
  if (!found->has_value()) return LineError(header.line, absl::StrCat("the header has no column \"", name, "\""));
  return **found;
}

absl::StatusOr<Columns> ReadHeader(CsvReader& reader) {
  const absl::StatusOr<std::optional<CsvRow>> header = reader.Next();
  if (!header.ok()) return header.status();
  if (!header->has_value()) return absl::InvalidArgumentError("is empty: a header \"image,category\" must come first");
  const absl::StatusOr<size_t> image = RequireColumn(**header, "image");
  if (!image.ok()) return image.status();
  const absl::StatusOr<size_t> category = RequireColumn(**header, "category");
  if (!category.ok()) return category.status();
  const absl::StatusOr<std::optional<size_t>> object = FindColumn(**header, "object");
  if (!object.ok()) return object.status();
  const absl::StatusOr<std::optional<size_t>> significant_bits = FindColumn(**header, "significant_bits");
  if (!significant_bits.ok()) return significant_bits.status();
  return Columns{.count = (*header)->fields.size(),
                 .image = *image,
                 .category = *category,
                 .object = *object,
                 .significant_bits = *significant_bits};
}

absl::StatusOr<ManifestEntry> ToEntry(CsvRow row, const Columns& columns, const std::filesystem::path& folder) {
  if (row.fields.size() != columns.count) {
    return LineError(row.line, absl::StrCat("the row has ", row.fields.size(), " fields, the header ", columns.count));
  }
  ManifestEntry entry{.image = std::move(row.fields[columns.image]),
                      .path = {},
                      .category = std::string(absl::StripAsciiWhitespace(row.fields[columns.category])),
                      .object = std::nullopt,
                      .line = row.line};
  if (entry.image.empty()) return LineError(row.line, "the image is empty");
  if (entry.category.empty()) return LineError(row.line, "the category is empty");
  entry.path = folder / entry.image;
  if (columns.object.has_value()) {
    const absl::string_view object = absl::StripAsciiWhitespace(row.fields[*columns.object]);
    if (!object.empty()) entry.object = std::string(object);
  }
  if (columns.significant_bits.has_value()) {
    const absl::string_view text = absl::StripAsciiWhitespace(row.fields[*columns.significant_bits]);
    const bool valid = text.empty() || (absl::SimpleAtoi(text, &entry.significant_bits) &&
                                        entry.significant_bits >= kFewestSignificantBits &&
                                        entry.significant_bits <= kMostSignificantBits);
    if (!valid) {
      return LineError(row.line, absl::StrCat("significant_bits is \"", text, "\"; expected ", kFewestSignificantBits,
                                              " to ", kMostSignificantBits, ", or nothing"));
    }
  }
  return entry;
}

}  // namespace

absl::StatusOr<std::vector<ManifestEntry>> ParseManifest(absl::string_view text, const std::filesystem::path& folder) {
  CsvReader reader(text);
  const absl::StatusOr<Columns> columns = ReadHeader(reader);
  if (!columns.ok()) return columns.status();
  std::vector<ManifestEntry> entries;
  for (;;) {
    absl::StatusOr<std::optional<CsvRow>> row = reader.Next();
    if (!row.ok()) return row.status();
    if (!row->has_value()) break;
    absl::StatusOr<ManifestEntry> entry = ToEntry(**std::move(row), *columns, folder);
    if (!entry.ok()) return entry.status();
    entries.push_back(*std::move(entry));
  }
  if (entries.empty()) return absl::InvalidArgumentError("has a header and no rows");
  return entries;
}

absl::StatusOr<std::vector<ManifestEntry>> ReadManifest(const std::filesystem::path& file) {
  const absl::StatusOr<std::string> text = ReadFile(file, kMaxManifestBytes);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<ManifestEntry>> entries = ParseManifest(*text, file.parent_path());
  if (!entries.ok()) {
    return absl::Status(entries.status().code(), absl::StrCat(file.string(), ": ", entries.status().message()));
  }
  return entries;
}

}  // namespace bayespfl::client
