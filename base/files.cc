#include "base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <fstream>
#include <ios>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr size_t kReadBytes = size_t{1} << 16;

absl::Status FileError(absl::string_view action, const std::filesystem::path& file, const std::error_code& error) {
  return absl::ErrnoToStatus(error.value() != 0 ? error.value() : EIO,
                             absl::StrCat("cannot ", action, " ", file.string()));
}

std::error_code LastError() { return {errno, std::generic_category()}; }

// Makes an empty file beside `file` that nobody else has, and names it in `path`. The name does not contain the file's,
// which may be as long as the system allows. mkostemp() would ignore the umask.
int OpenNeighbour(const std::filesystem::path& file, std::filesystem::path& path) {
  static std::atomic<uint64_t> number = 0;
  for (;;) {
    path = file.parent_path() / absl::StrCat(".", getpid(), "-", number++, ".part");
    const int descriptor = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    // One that is there belongs to a process on another machine, or was left by one that ended early.
    if (descriptor >= 0 || errno != EEXIST) return descriptor;
  }
}

// Writes and closes; an errno, or 0.
int WriteAndClose(int descriptor, absl::string_view bytes) {
  int failure = 0;
  while (!bytes.empty() && failure == 0) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count >= 0) {
      bytes.remove_prefix(static_cast<size_t>(count));
    } else if (errno != EINTR) {
      failure = errno;
    }
  }
  if (close(descriptor) != 0 && failure == 0) failure = errno;
  return failure;
}

}  // namespace

absl::StatusOr<std::string> ReadStream(std::istream& stream, absl::string_view name, size_t limit) {
  std::string bytes;
  std::vector<char> buffer(kReadBytes);
  while (stream) {
    stream.read(buffer.data(), static_cast<std::streamsize>(buffer.size()));
    bytes.append(buffer.data(), static_cast<size_t>(stream.gcount()));
    if (bytes.size() > limit) {
      return absl::InvalidArgumentError(absl::StrCat(name, " is over the limit of ", limit, " bytes"));
    }
  }
  if (stream.bad()) return absl::UnknownError(absl::StrCat("cannot read ", name));
  if (bytes.empty()) return absl::InvalidArgumentError(absl::StrCat(name, " is empty"));
  return bytes;
}

absl::StatusOr<std::string> ReadFile(const std::filesystem::path& file, size_t limit) {
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored)) {
    return absl::InvalidArgumentError(absl::StrCat(file.string(), " is a folder"));
  }
  errno = 0;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) return FileError("open", file, LastError());
  return ReadStream(stream, file.string(), limit);
}

absl::Status WriteFile(const std::filesystem::path& file, absl::string_view bytes) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  if (error) return FileError("create the folder of", file, error);
  std::filesystem::path partial;
  const int descriptor = OpenNeighbour(file, partial);
  if (descriptor < 0) return FileError("write", file, LastError());
  error = {WriteAndClose(descriptor, bytes), std::generic_category()};
  if (!error) std::filesystem::rename(partial, file, error);
  if (error) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    return FileError("write", file, error);
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
