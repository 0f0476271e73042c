// Test sets whose labels are the names of folders. The layouts are described in dataset.h.
#ifndef BAYESPFL_MODEL_EVALUATION_DATASET_FOLDERS_H_
#define BAYESPFL_MODEL_EVALUATION_DATASET_FOLDERS_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/evaluation/dataset.h"

namespace bayespfl {

// Whether pictures in a folder of this name are of normal parts: good, ok or normal, in any case.
bool IsNormalKind(absl::string_view folder);

// Names of the folders in `folder`, sorted, without hidden ones; a folder that is not there has none. Errors of the
// file system name the folder.
absl::StatusOr<std::vector<std::string>> FoldersIn(const std::filesystem::path& folder);

// Adds the items of all categories to `dataset`, whose root is set, and counts what was left out.
absl::Status ListMvtec(const std::string& split, Dataset& dataset);
absl::Status ListVisaFolders(Dataset& dataset);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_DATASET_FOLDERS_H_
