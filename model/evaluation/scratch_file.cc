#include "model/evaluation/scratch_file.h"

#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr int64_t kWordBytes = sizeof(uint32_t);

}  // namespace

absl::StatusOr<std::unique_ptr<ScratchFile>> ScratchFile::Create(const std::string& directory) {
  std::string path = absl::StrCat(directory, "/bayespfl-scratch-XXXXXX");
  const int descriptor = ::mkostemp(path.data(), O_CLOEXEC);
  if (descriptor < 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot create a scratch file in folder \"", directory, "\""));
  }
  std::unique_ptr<ScratchFile> file(new ScratchFile(descriptor, directory));
  if (::unlink(path.c_str()) != 0) return file->Error(errno, "cannot unlink");
  return file;
}

ScratchFile::ScratchFile(int descriptor, std::string directory)
    : descriptor_(descriptor), directory_(std::move(directory)) {}

ScratchFile::~ScratchFile() { ::close(descriptor_); }

absl::Status ScratchFile::Append(absl::Span<const uint32_t> words) {
  const auto* bytes = reinterpret_cast<const char*>(words.data());
  const size_t total = words.size() * kWordBytes;
  for (size_t done = 0; done < total;) {
    const ssize_t written = ::pwrite(descriptor_, bytes + done, total - done,
                                     static_cast<off_t>(size_ * kWordBytes) + static_cast<off_t>(done));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return Error(errno, "cannot write");
    done += static_cast<size_t>(written);
  }
  size_ += static_cast<int64_t>(words.size());
  return absl::OkStatus();
}

absl::Status ScratchFile::Read(int64_t position, absl::Span<uint32_t> words) const {
  if (position < 0 || position > size_ || static_cast<int64_t>(words.size()) > size_ - position) {
    return absl::OutOfRangeError(absl::StrCat("words ", position, " to ", position + static_cast<int64_t>(words.size()),
                                              " of a scratch file of ", size_));
  }
  auto* bytes = reinterpret_cast<char*>(words.data());
  const size_t total = words.size() * kWordBytes;
  for (size_t done = 0; done < total;) {
    const ssize_t read = ::pread(descriptor_, bytes + done, total - done,
                                 static_cast<off_t>(position * kWordBytes) + static_cast<off_t>(done));
    if (read < 0 && errno == EINTR) continue;
    if (read < 0) return Error(errno, "cannot read");
    if (read == 0) {
      return absl::DataLossError(absl::StrCat("the scratch file in folder \"", directory_, "\" has shrunk"));
    }
    done += static_cast<size_t>(read);
  }
  return absl::OkStatus();
}

absl::Status ScratchFile::Error(int error_number, const char* what) const {
  const absl::Status status = absl::ErrnoToStatus(
      error_number,
      absl::StrCat(what, " the scratch file in folder \"", directory_, "\" after ", size_ * kWordBytes, " bytes"));
  // The shell's limit on file sizes is one more way to be full.
  return error_number == EFBIG ? absl::ResourceExhaustedError(status.message()) : status;
}

}  // namespace bayespfl
