// Comma-separated values as RFC 4180 defines them.
#ifndef BAYESPFL_BASE_CSV_H_
#define BAYESPFL_BASE_CSV_H_

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

struct CsvRow {
  std::vector<std::string> fields;  // unquoted, otherwise unchanged
  int line = 0;                     // where the row starts, from 1
};

// Reads a text row by row. Not thread-safe; the text must outlive the reader.
class CsvReader final {
 public:
  explicit CsvReader(absl::string_view text);

  // The next row that says something, or nullopt at the end. Empty lines are passed over, and so are rows of blank
  // fields, as spreadsheets write them below a table (",,"). INVALID_ARGUMENT, with the line, for an unclosed
  // quote, for text after a closing quote, and for a quote inside a field that does not start with one.
  absl::StatusOr<std::optional<CsvRow>> Next();

 private:
  // The next row that is not an empty line.
  absl::StatusOr<std::optional<CsvRow>> NextLine();
  bool AtEnd() const { return position_ >= text_.size(); }
  // Length of the line break at the position: 0 (none), 1 (LF) or 2 (CRLF).
  size_t LineBreak() const;
  absl::StatusOr<std::string> Field();
  absl::StatusOr<std::string> QuotedField();

  absl::string_view text_;
  size_t position_ = 0;
  int line_ = 1;
};

// `text` as one field of a row: quoted when it holds a comma, a quote or a line break, or begins or ends with a blank.
std::string CsvField(absl::string_view text);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_CSV_H_
