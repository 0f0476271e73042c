#include "model/package/staged_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

absl::Status Failed(absl::string_view what, const std::string& path) {
  return absl::InternalError(absl::StrCat("cannot ", what, " ", path, ": ", std::strerror(errno)));
}

absl::Status FlushFolder(const std::string& path) {
  const int fd = open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Failed("open", path);
  const int failed = fsync(fd);
  const int error = errno;
  close(fd);
  errno = error;
  return failed != 0 ? Failed("flush", path) : absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::unique_ptr<StagedFolder>> StagedFolder::Create(const std::string& target, bool replace) {
  // Without a slash at the end, so that the temporary folder lies beside the final one.
  fs::path path = fs::path(target).lexically_normal();
  if (!path.has_filename()) path = path.parent_path();
  std::error_code error;
  const bool exists = fs::exists(path, error);
  if (exists && !(fs::is_directory(path, error) && (replace || fs::is_empty(path, error)))) {
    return absl::AlreadyExistsError(absl::StrCat(target, " exists already and is not an empty folder"));
  }
  const fs::path parent = path.has_parent_path() ? path.parent_path() : fs::path(".");
  if (!fs::is_directory(parent, error)) {
    return absl::NotFoundError(absl::StrCat("folder ", parent.string(), " does not exist"));
  }
  std::string staging = parent / absl::StrCat(".", path.filename().string(), ".XXXXXX");
  if (mkdtemp(staging.data()) == nullptr) return Failed("create a folder in", parent);
  std::unique_ptr<StagedFolder> folder(new StagedFolder(path, std::move(staging), replace));
  // mkdtemp's 0700 would hide the result from a service user.
  if (chmod(folder->staging_.c_str(), 0755) != 0) return Failed("open up", folder->staging_);
  return folder;
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

std::string StagedFolder::Path(absl::string_view file) const { return absl::StrCat(staging_, "/", file); }

absl::Status StagedFolder::Write(absl::string_view file, absl::string_view content) {
  const std::string path = Path(file);
  const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return Failed("create", path);
  absl::Status status;
  while (status.ok() && !content.empty()) {
    const ssize_t written = write(fd, content.data(), content.size());
    if (written >= 0) {
      content.remove_prefix(static_cast<size_t>(written));
    } else if (errno != EINTR) {
      status = Failed("write", path);
    }
  }
  if (status.ok() && fsync(fd) != 0) status = Failed("flush", path);
  close(fd);
  return status;
}

absl::Status StagedFolder::Commit() {
  if (absl::Status status = FlushFolder(staging_); !status.ok()) return status;
  if (rename(staging_.c_str(), target_.c_str()) == 0) {
    staging_.clear();
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    if (!replace_) return absl::AlreadyExistsError(absl::StrCat(target_, " has appeared meanwhile"));
    // Swaps the two names in one step; the old folder then has the temporary name and is removed with it.
    if (renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      return Failed("replace", target_);
    }
  } else {
    return Failed("create", target_);
  }
  const fs::path parent = fs::path(target_).parent_path();
  return FlushFolder(parent.empty() ? "." : parent.string());
}

}  // namespace bayespfl
