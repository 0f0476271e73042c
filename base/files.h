// Small file helpers whose errors are one sentence each, with the file's name.
//
//   WriteFile          the program may end at any moment: the file is the old one or the new one, never half of it
//   WriteFileDurably   so may the machine: when it returns OK, a loss of power does not take the new content away
#ifndef BAYESPFL_BASE_FILES_H_
#define BAYESPFL_BASE_FILES_H_

#include <cstddef>
#include <filesystem>
#include <istream>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl {

// "cannot ACTION FILE: REASON", with the reason and the code of an errno (0 stands for EIO). E.g. ENOENT: NOT_FOUND;
// EACCES: PERMISSION_DENIED; EEXIST: ALREADY_EXISTS; ENOSPC: RESOURCE_EXHAUSTED.
absl::Status FileError(absl::string_view action, const std::filesystem::path& file, int error_number);

// The file's bytes. NOT_FOUND: there is no such file; INVALID_ARGUMENT: a folder, empty, or over `limit` bytes;
// PERMISSION_DENIED or UNKNOWN: it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file, size_t limit);

// Everything up to the end of `stream`, called `name` in errors. INVALID_ARGUMENT: empty or over `limit` bytes.
absl::StatusOr<std::string> ReadStream(std::istream& stream, absl::string_view name, size_t limit);

// Writes the file, and the folders above it when missing. The bytes go to a neighbour of their own first, which
// then takes the name: nobody ever sees half a file, and of several writers at once the last one wins. After an error
// the file is as it was. Errors are FileError()'s.
absl::Status WriteFile(const std::filesystem::path& file, absl::string_view bytes);

// The same for a file that must outlive the machine's end: the neighbour is flushed before it takes the name, and the
// folder after that. The folder must be there: NOT_FOUND. When flushing the folder is all that failed, the error is
// that one's and the file has the new content.
// `temporary`: the neighbour's name, for a caller who has a lock on it: one that a crash left behind is then replaced,
// where those with names of their own stay. It must be in the file's folder.
absl::Status WriteFileDurably(const std::filesystem::path& file, absl::string_view bytes,
                              const std::filesystem::path& temporary = {});

// Flushes a folder's entries to the disk: names that were made, changed or removed in it stay so.
absl::Status FlushFolder(const std::filesystem::path& folder);

// Of the folder that `file` is in.
absl::Status FlushFolderOf(const std::filesystem::path& file);

// Writes all the bytes to an open file, which errors call `file`.
absl::Status WriteAll(int descriptor, absl::string_view bytes, const std::filesystem::path& file);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_FILES_H_
