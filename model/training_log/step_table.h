// A CSV file of a row for each step, which goes on where a run that was killed left its state, not where it left the
// file.
#ifndef BAYESPFL_MODEL_TRAINING_LOG_STEP_TABLE_H_
#define BAYESPFL_MODEL_TRAINING_LOG_STEP_TABLE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace bayespfl {

// Not thread-safe.
class StepTable final {
 public:
  // The file with these columns after "step"; rows of steps after `last_step` are taken out, as are those that a kill
  // left unfinished. A file with other columns is one of another program: FAILED_PRECONDITION. Else FileError()'s.
  static absl::StatusOr<std::unique_ptr<StepTable>> Open(const std::filesystem::path& file,
                                                         absl::Span<const absl::string_view> columns,
                                                         int64_t last_step);
  ~StepTable();
  StepTable(const StepTable&) = delete;
  StepTable& operator=(const StepTable&) = delete;

  // A row, written when this returns; a value for each column, with the nine digits that tell one float from
  // another. Errors are FileError()'s.
  absl::Status Add(int64_t step, absl::Span<const double> values);

 private:
  StepTable(std::filesystem::path file, int descriptor) : file_(std::move(file)), descriptor_(descriptor) {}

  const std::filesystem::path file_;
  const int descriptor_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOG_STEP_TABLE_H_
