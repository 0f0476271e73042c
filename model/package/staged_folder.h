// A folder that appears whole or not at all.
#ifndef BAYESPFL_MODEL_PACKAGE_STAGED_FOLDER_H_
#define BAYESPFL_MODEL_PACKAGE_STAGED_FOLDER_H_

#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// Files are written into a temporary folder beside the final one; Commit() flushes and renames it. Without Commit() the
// destructor removes what was written. Not thread-safe.
class StagedFolder {
 public:
  // `replace`: an existing folder at `target` may be replaced, in one step. Otherwise AlreadyExists when there is
  // anything but an empty folder. NotFound: the parent folder is missing. Here and below, else the
  // code of the errno. Removes what a writer of the same target that was killed left behind, once it is an hour old.
  static absl::StatusOr<std::unique_ptr<StagedFolder>> Create(const std::string& target, bool replace);
  ~StagedFolder();
  StagedFolder(const StagedFolder&) = delete;
  StagedFolder& operator=(const StagedFolder&) = delete;

  // Where a file of this name is to be written for now.
  std::string Path(absl::string_view file) const;

  // Writes or replaces a small file and flushes it.
  absl::Status Write(absl::string_view file, absl::string_view content);

  // Makes the folder appear under its final name. Call once, last, when every file in it has been flushed.
  // AlreadyExists: something has appeared there meanwhile and may not be replaced.
  absl::Status Commit();

 private:
  StagedFolder(std::string target, std::string staging, bool replace)
      : target_(std::move(target)), staging_(std::move(staging)), replace_(replace) {}

  std::string target_;
  std::string staging_;  // empty once committed
  bool replace_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_STAGED_FOLDER_H_
