#include "base/csv.h"

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"

namespace bayespfl {
namespace {

absl::Status LineError(int line, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("line ", line, ": ", what));
}

bool IsBlank(const CsvRow& row) {
  return std::all_of(row.fields.begin(), row.fields.end(),
                     [](absl::string_view field) { return absl::StripAsciiWhitespace(field).empty(); });
}

}  // namespace

CsvReader::CsvReader(absl::string_view text) : text_(absl::StripPrefix(text, "\xEF\xBB\xBF")) {}

size_t CsvReader::LineBreak() const {
  const absl::string_view rest = text_.substr(position_);
  if (rest.substr(0, 1) == "\n") return 1;
  return rest.substr(0, 2) == "\r\n" ? 2 : 0;
}

absl::StatusOr<std::string> CsvReader::QuotedField() {
  const int start = line_;
  std::string field;
  for (++position_; !AtEnd(); ++position_) {
    const char c = text_[position_];
    if (c == '\n') ++line_;
    if (c != '"') {
      field.push_back(c);
    } else if (text_.substr(position_ + 1, 1) == "\"") {
      field.push_back('"');
      ++position_;
    } else {
      ++position_;
      if (AtEnd() || text_[position_] == ',' || LineBreak() > 0) return field;
      return LineError(line_, "text follows a closing quote; a quote inside a quoted field must be doubled");
    }
  }
  return LineError(start, "a quote is opened and never closed");
}

absl::StatusOr<std::string> CsvReader::Field() {
  if (!AtEnd() && text_[position_] == '"') return QuotedField();
  const size_t start = position_;
  while (!AtEnd() && text_[position_] != ',' && LineBreak() == 0) {
    if (text_[position_] == '"') return LineError(line_, "a field that holds quotes must be quoted itself");
    ++position_;
  }
  return std::string(text_.substr(start, position_ - start));
}

absl::StatusOr<std::optional<CsvRow>> CsvReader::Next() {
  for (;;) {
    absl::StatusOr<std::optional<CsvRow>> row = NextLine();
    if (!row.ok() || !row->has_value() || !IsBlank(**row)) return row;
  }
}

absl::StatusOr<std::optional<CsvRow>> CsvReader::NextLine() {
  for (size_t skip = LineBreak(); skip > 0; skip = LineBreak()) {
    position_ += skip;
    ++line_;
  }
  if (AtEnd()) return std::nullopt;
  CsvRow row{.fields = {}, .line = line_};
  for (;;) {
    absl::StatusOr<std::string> field = Field();
    if (!field.ok()) return field.status();
    row.fields.push_back(*std::move(field));
    if (AtEnd() || text_[position_] != ',') break;
    ++position_;
  }
  if (const size_t end = LineBreak(); end > 0) {
    position_ += end;
    ++line_;
  }
  return row;
}

std::string CsvField(absl::string_view text) {
  const bool blank_end = absl::StartsWith(text, " ") || absl::EndsWith(text, " ");
  if (!blank_end && text.find_first_of(",\"\r\n") == absl::string_view::npos) return std::string(text);
  return absl::StrCat("\"", absl::StrReplaceAll(text, {{"\"", "\"\""}}), "\"");
}

}  // namespace bayespfl
