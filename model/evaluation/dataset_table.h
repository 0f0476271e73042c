// Test sets whose labels are rows of a table. The columns are described in dataset.h.
#ifndef BAYESPFL_MODEL_EVALUATION_DATASET_TABLE_H_
#define BAYESPFL_MODEL_EVALUATION_DATASET_TABLE_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/evaluation/dataset.h"

namespace bayespfl {

enum class TableKind {
  kVisa,  // object, split, label, image, mask
  kCsv,   // image, category, label; perhaps mask, defect, split
};

struct TableContent {
  std::vector<DatasetItem> items = {};  // in the rows' order
  bool has_split = false;               // the table has such a column; without one every row is taken
};

// The rows of one split. InvalidArgument, with file and line, for what is wrong with a table; errors of ReadFile().
absl::StatusOr<TableContent> ReadTable(const std::filesystem::path& file, TableKind kind, const std::string& split);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_DATASET_TABLE_H_
