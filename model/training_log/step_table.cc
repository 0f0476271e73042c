#include "model/training_log/step_table.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "base/files.h"

namespace bayespfl {
namespace {

constexpr size_t kMostBytes = size_t{1} << 30;

// The rows of `text` that stay: each ends with a line break, and is of a step up to `last_step`.
absl::StatusOr<std::string> RowsThatStay(absl::string_view text, absl::string_view heading, int64_t last_step,
                                         const std::filesystem::path& file) {
  if (!absl::ConsumePrefix(&text, heading)) {
    return absl::FailedPreconditionError(
        absl::StrCat(file.string(), " does not begin with \"", absl::StripSuffix(heading, "\n"),
                     "\": it is not of this program's training; name another folder, or move it away"));
  }
  std::string rows;
  while (!text.empty()) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) break;  // a kill cut it off
    const absl::string_view row = text.substr(0, end + 1);
    int64_t step = 0;
    if (!absl::SimpleAtoi(row.substr(0, row.find(',')), &step) || step > last_step) break;
    absl::StrAppend(&rows, row);
    text.remove_prefix(row.size());
  }
  return rows;
}

}  // namespace

absl::StatusOr<std::unique_ptr<StepTable>> StepTable::Open(const std::filesystem::path& file,
                                                           absl::Span<const absl::string_view> columns,
                                                           int64_t last_step) {
  const std::string heading = absl::StrCat("step,", absl::StrJoin(columns, ","), "\n");
  std::string rows;
  std::error_code unknown;
  if (std::filesystem::file_size(file, unknown) > 0 && !unknown) {
    absl::StatusOr<std::string> text = ReadFile(file, kMostBytes);
    if (text.ok()) text = RowsThatStay(*text, heading, last_step, file);
    if (!text.ok()) return text.status();
    rows = *std::move(text);
  }
  const absl::Status written = WriteFile(file, absl::StrCat(heading, rows));
  if (!written.ok()) return written;
  const int descriptor = open(file.c_str(), O_WRONLY | O_APPEND | O_CLOEXEC);
  if (descriptor < 0) return FileError("open", file, errno);
  return std::unique_ptr<StepTable>(new StepTable(file, descriptor));
}

StepTable::~StepTable() { close(descriptor_); }

absl::Status StepTable::Add(int64_t step, absl::Span<const double> values) {
  std::string row = absl::StrCat(step);
  for (const double value : values) absl::StrAppendFormat(&row, ",%.9g", value);
  return WriteAll(descriptor_, absl::StrCat(row, "\n"), file_);
}

}  // namespace bayespfl
