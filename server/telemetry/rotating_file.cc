#include "server/telemetry/rotating_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"

namespace bayespfl::server {
namespace {

absl::Status Failed(absl::string_view action, const std::string& path) {
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot ", action, " ", path));
}

// The file that `path` names, perhaps through links; it need not be there. What is there and no file stays as it is:
// behind /dev/stdout is a name that cannot be opened.
std::string FileBehind(const std::string& path) {
  namespace fs = std::filesystem;
  constexpr int kMostLinks = 40;  // as the kernel has it
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (fs::exists(status) && !fs::is_regular_file(status)) return path;
  fs::path file = path;
  for (int links = 0; links < kMostLinks && fs::is_symlink(fs::symlink_status(file, error)); ++links) {
    const fs::path target = fs::read_symlink(file, error);
    if (error) return path;
    file = file.parent_path() / target;  // an absolute target replaces all of it
  }
  // Behind the links of /proc/self/fd may be names of files that are gone.
  return fs::exists(status) && !fs::equivalent(path, file, error) ? path : file.string();
}

}  // namespace

absl::StatusOr<std::unique_ptr<RotatingFile>> RotatingFile::Open(RotatingFileOptions options) {
  options.max_bytes = std::max<int64_t>(1, options.max_bytes);
  options.files = std::max(1, options.files);
  auto file = std::unique_ptr<RotatingFile>(new RotatingFile(std::move(options)));
  const absl::Status opened = file->OpenFile();
  if (!opened.ok()) return opened;
  return file;
}

RotatingFile::RotatingFile(RotatingFileOptions options) : options_(std::move(options)) {}

RotatingFile::~RotatingFile() { Close(); }

void RotatingFile::Close() {
  if (descriptor_ >= 0) close(descriptor_);
  descriptor_ = -1;
}

absl::Status RotatingFile::OpenFile() {
  constexpr mode_t kMode = 0640;
  file_ = FileBehind(options_.path);
  // Without O_NONBLOCK, a pipe that nobody reads would hold the server up here.
  descriptor_ = open(file_.c_str(), O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC | O_NONBLOCK, kMode);
  if (descriptor_ < 0) return Failed("open", options_.path);
  struct stat status{};
  absl::Status error;
  if (fstat(descriptor_, &status) != 0) error = Failed("look at", options_.path);
  regular_ = error.ok() && S_ISREG(status.st_mode);
  size_ = regular_ ? status.st_size : 0;
  if (regular_ && flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    error = errno == EWOULDBLOCK
                ? absl::FailedPreconditionError(absl::StrCat("another process writes to ", options_.path))
                : Failed("lock", options_.path);
  }
  char last = '\n';
  if (error.ok() && regular_ && options_.durable) error = SyncFolder();
  if (error.ok() && size_ > 0 && pread(descriptor_, &last, 1, size_ - 1) == 1 && last != '\n') error = WriteAll("\n");
  if (!error.ok()) Close();  // so that the next call begins here again
  return error;
}

absl::Status RotatingFile::Append(absl::string_view line) {
  if (descriptor_ < 0) {
    const absl::Status opened = OpenFile();
    if (!opened.ok()) return opened;
  }
  if (regular_ && size_ > 0 && size_ + static_cast<int64_t>(line.size()) > options_.max_bytes) {
    const absl::Status rotated = Rotate();
    if (!rotated.ok()) return rotated;
  }
  return WriteAll(line);
}

// A file's own sync need not bring its name to the disk.
absl::Status RotatingFile::SyncFolder() const {
  const std::filesystem::path folder = std::filesystem::absolute(file_).parent_path();
  const int descriptor = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return Failed("open", folder.string());
  const absl::Status synced = options_.sync(descriptor) == 0 ? absl::OkStatus() : Failed("sync", folder.string());
  close(descriptor);
  return synced;
}

// PATH.(files - 1) goes, the others move up by one. When a step fails, the names are whole all the same, and the next
// attempt goes on from there.
absl::Status RotatingFile::Rotate() {
  const auto name = [this](int number) { return number == 0 ? file_ : absl::StrCat(file_, ".", number); };
  if (options_.files == 1) {
    if (ftruncate(descriptor_, 0) != 0) return Failed("empty", options_.path);
    size_ = 0;
    return absl::OkStatus();
  }
  if (options_.durable) {
    if (absl::Status synced = Sync(); !synced.ok()) return synced;
  }
  for (int number = options_.files - 2; number >= 0; --number) {
    if (std::rename(name(number).c_str(), name(number + 1).c_str()) != 0 && errno != ENOENT) {
      return Failed("rename", name(number));
    }
  }
  Close();
  return OpenFile();
}

absl::Status RotatingFile::WriteAll(absl::string_view bytes) {
  const int64_t before = size_;
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written > 0) {
      bytes.remove_prefix(static_cast<size_t>(written));
      size_ += written;
      continue;
    }
    absl::Status error = Failed("write to", options_.path);
    if (size_ > before && regular_) {
      // A part of the line that stays would spoil the next one as well: OpenFile() sees to that.
      if (ftruncate(descriptor_, before) == 0) {
        size_ = before;
      } else {
        if (options_.durable) (void)Sync();  // of the lines before; what failed is said already
        Close();
      }
    }
    return error;
  }
  return absl::OkStatus();
}

absl::Status RotatingFile::Sync() {
  if (descriptor_ < 0 || !regular_) return absl::OkStatus();
  return options_.sync(descriptor_) == 0 ? absl::OkStatus() : Failed("sync", options_.path);
}

}  // namespace bayespfl::server
