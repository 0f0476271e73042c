#include "base/files.h"

#include <fcntl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <ios>
#include <system_error>
#include <vector>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr size_t kReadBytes = size_t{1} << 16;

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

// Writes, flushes if wanted, and closes.
absl::Status Fill(int descriptor, absl::string_view bytes, bool flush, const std::filesystem::path& file) {
  absl::Status status = WriteAll(descriptor, bytes, file);
  if (status.ok() && flush && fsync(descriptor) != 0) status = FileError("flush", file, errno);
  if (close(descriptor) != 0 && status.ok()) status = FileError("write", file, errno);
  return status;
}

// Fills the empty `neighbour` and gives it the file's name; after an error it is gone.
absl::Status Replace(const std::filesystem::path& file, int descriptor, const std::filesystem::path& neighbour,
                     absl::string_view bytes, bool flush) {
  absl::Status status = Fill(descriptor, bytes, flush, file);
  if (status.ok() && std::rename(neighbour.c_str(), file.c_str()) != 0) status = FileError("write", file, errno);
  if (!status.ok()) unlink(neighbour.c_str());
  return status;
}

}  // namespace

absl::Status FileError(absl::string_view action, const std::filesystem::path& file, int error_number) {
  return absl::ErrnoToStatus(error_number != 0 ? error_number : EIO,
                             absl::StrCat("cannot ", action, " ", file.string()));
}

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
  if (!stream) return FileError("open", file, errno);
  return ReadStream(stream, file.string(), limit);
}

absl::Status WriteFile(const std::filesystem::path& file, absl::string_view bytes) {
  std::error_code error;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path(), error);
  if (error) return FileError("create the folder of", file, error.value());
  std::filesystem::path neighbour;
  const int descriptor = OpenNeighbour(file, neighbour);
  if (descriptor < 0) return FileError("write", file, errno);
  return Replace(file, descriptor, neighbour, bytes, /*flush=*/false);
}

absl::Status WriteFileDurably(const std::filesystem::path& file, absl::string_view bytes,
                              const std::filesystem::path& temporary) {
  std::filesystem::path neighbour = temporary;
  int descriptor = -1;
  if (temporary.empty()) {
    descriptor = OpenNeighbour(file, neighbour);
  } else {
    if (unlink(temporary.c_str()) != 0 && errno != ENOENT) return FileError("remove", temporary, errno);
    descriptor = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  }
  if (descriptor < 0) return FileError("write", file, errno);
  absl::Status replaced = Replace(file, descriptor, neighbour, bytes, /*flush=*/true);
  return replaced.ok() ? FlushFolderOf(file) : replaced;
}

absl::Status FlushFolder(const std::filesystem::path& folder) {
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return FileError("open the folder", folder, errno);
  const int failure = fsync(descriptor) == 0 ? 0 : errno;
  close(descriptor);
  return failure == 0 ? absl::OkStatus() : FileError("flush the folder", folder, failure);
}

absl::Status FlushFolderOf(const std::filesystem::path& file) {
  return FlushFolder(file.has_parent_path() ? file.parent_path() : ".");
}

absl::Status WriteAll(int descriptor, absl::string_view bytes, const std::filesystem::path& file) {
  while (!bytes.empty()) {
    const ssize_t count = write(descriptor, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError("write", file, errno);
    bytes.remove_prefix(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
