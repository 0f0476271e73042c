// A small file that is replaced as a whole, keeps its state before the last change beside it, and can go back.
//
//   FILE            the current content
//   FILE.previous   the content before the last change; missing when there was no file then
//   FILE.lock       empty; held while a change is under way, so that two processes do not lose each other's
//   FILE.tmp        only while a change is under way, or after a crash
//
// A reader sees the old content or the new one, never a part. The new content and its name are on the disk (fsync of
// file and folder) when a function returns OK. Whenever a change fails or the machine does, FILE holds the whole old
// content or the whole new one; what a crash in the middle of a change can cost is the way back.
#ifndef BAYESPFL_MODEL_PACKAGE_UNDOABLE_FILE_H_
#define BAYESPFL_MODEL_PACKAGE_UNDOABLE_FILE_H_

#include <functional>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace bayespfl {

// From the current content (nullopt: there is no file) to the new one.
using FileChange = std::function<absl::StatusOr<std::string>(const std::optional<std::string>& current)>;

// Runs `change` under the lock and writes what it returns. When that is the current content, nothing is touched, the
// way back included. An error of `change` is returned as it is. Else the code of the errno, e.g. PermissionDenied, and
// a message that names the file; FILE is unchanged then.
absl::Status ChangeFile(const std::string& path, const FileChange& change);

enum class Undone {
  kRestored,  // FILE has the content before the last change
  kRemoved,   // there was no file before the last change
};

// Swaps FILE and FILE.previous; so a second call takes the first one back. FailedPrecondition: there is neither. Other
// errors as above.
absl::StatusOr<Undone> UndoFileChange(const std::string& path);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_PACKAGE_UNDOABLE_FILE_H_
