#include "model/package/staged_folder.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace bayespfl {

namespace fs = std::filesystem;

namespace {

constexpr auto kLeftOverAge = std::chrono::hours(1);  // no writer takes that long
constexpr char kStagingEnding[] = ".XXXXXX";          // as mkdtemp() wants it

// Of folders that mkdtemp() makes for this target.
std::string StagingPrefix(const fs::path& target) { return absl::StrCat(".", target.filename().string()); }

void RemoveLeftOvers(const fs::path& parent, const std::string& prefix) {
  const size_t length = prefix.size() + sizeof(kStagingEnding) - 1;
  const auto now = fs::file_time_type::clock::now();
  std::error_code error;
  for (fs::directory_iterator entry(parent, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    if (name.size() != length || !absl::StartsWith(name, absl::StrCat(prefix, "."))) continue;
    std::error_code gone;
    const auto written = entry->last_write_time(gone);
    if (!gone && entry->is_directory(gone) && now - written > kLeftOverAge) fs::remove_all(entry->path(), gone);
  }
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
  const std::string prefix = StagingPrefix(path);
  RemoveLeftOvers(parent, prefix);
  std::string staging = parent / absl::StrCat(prefix, kStagingEnding);
  if (mkdtemp(staging.data()) == nullptr) return FileError("create a folder in", parent, errno);
  std::unique_ptr<StagedFolder> folder(new StagedFolder(path, std::move(staging), replace));
  // mkdtemp's 0700 would hide the result from a service user.
  if (chmod(folder->staging_.c_str(), 0755) != 0) return FileError("open up", folder->staging_, errno);
  return folder;
}

StagedFolder::~StagedFolder() {
  std::error_code ignored;
  if (!staging_.empty()) fs::remove_all(staging_, ignored);
}

std::string StagedFolder::Path(absl::string_view file) const { return absl::StrCat(staging_, "/", file); }

absl::Status StagedFolder::Write(absl::string_view file, absl::string_view content) {
  return WriteFileDurably(Path(file), content);
}

absl::Status StagedFolder::Commit() {
  if (absl::Status status = FlushFolder(staging_); !status.ok()) return status;
  if (rename(staging_.c_str(), target_.c_str()) == 0) {
    staging_.clear();
  } else if (errno == ENOTEMPTY || errno == EEXIST) {
    if (!replace_) return absl::AlreadyExistsError(absl::StrCat(target_, " has appeared meanwhile"));
    // Swaps the two names in one step; the old folder then has the temporary name and is removed with it.
    if (renameat2(AT_FDCWD, staging_.c_str(), AT_FDCWD, target_.c_str(), RENAME_EXCHANGE) != 0) {
      return FileError("replace", target_, errno);
    }
  } else {
    return FileError("create", target_, errno);
  }
  return FlushFolderOf(target_);
}

}  // namespace bayespfl
