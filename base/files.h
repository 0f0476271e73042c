// Small file helpers whose errors are one sentence each, with the file's name.
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

// The file's bytes. NOT_FOUND: there is no such file; INVALID_ARGUMENT: a folder, empty, or over `limit` bytes;
// PERMISSION_DENIED or UNKNOWN: it cannot be read.
absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file, size_t limit);

// Everything up to the end of `stream`, called `name` in errors. INVALID_ARGUMENT: empty or over `limit` bytes.
absl::StatusOr<std::string> ReadStream(std::istream& stream, absl::string_view name, size_t limit);

// Writes the file, and the folders above it when missing. The bytes go to a neighbour of their own first, which
// then takes the name: nobody ever sees half a file, and of several writers at once the last one wins. After an error
// the file is as it was.
absl::Status WriteFile(const std::filesystem::path& file, absl::string_view bytes);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_FILES_H_
