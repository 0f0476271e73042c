#include "base/files.h"

#include <cerrno>
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
  std::filesystem::path partial = file;
  partial += ".part";
  errno = 0;
  std::ofstream stream(partial, std::ios::binary | std::ios::trunc);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  error = stream ? std::error_code() : LastError();
  const bool written = !stream.fail();
  if (written) std::filesystem::rename(partial, file, error);
  if (!written || error) {
    std::error_code ignored;
    std::filesystem::remove(partial, ignored);
    return FileError("write", file, error);
  }
  return absl::OkStatus();
}

}  // namespace bayespfl
