#include "model/package/undoable_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/files.h"

namespace bayespfl {
namespace {

// Closed with the object, which also gives up its lock.
class Descriptor {
 public:
  Descriptor(const std::string& path, int flags) : fd_(open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  ~Descriptor() {
    if (fd_ >= 0) close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  bool ok() const { return fd_ >= 0; }
  int get() const { return fd_; }

 private:
  const int fd_;
};

absl::StatusOr<std::optional<std::string>> Read(const std::string& path) {
  const Descriptor file(path, O_RDONLY);
  if (!file.ok()) {
    if (errno == ENOENT) return std::nullopt;
    return FileError("open", path, errno);
  }
  std::string content;
  std::array<char, 1 << 16> buffer;
  for (;;) {
    const ssize_t count = read(file.get(), buffer.data(), buffer.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return FileError("read", path, errno);
    if (count == 0) return content;
    content.append(buffer.data(), static_cast<size_t>(count));
  }
}

// Gives the file this content, or removes it. `temporary` is in the same folder and nobody else's: the lock is held.
absl::Status Replace(const std::string& path, const std::optional<std::string>& content, const std::string& temporary) {
  if (content.has_value()) return WriteFileDurably(path, *content, temporary);
  if (unlink(path.c_str()) != 0 && errno != ENOENT) return FileError("remove", path, errno);
  return FlushFolderOf(path);
}

// FILE and its neighbours, while the lock is held.
struct State {
  std::string path;
  std::string previous_path;
  std::string temporary;
  std::optional<std::string> current;
  std::optional<std::string> previous;
};

absl::Status Lock(const Descriptor& lock, const std::string& path) {
  if (!lock.ok()) return FileError("create", path, errno);
  while (flock(lock.get(), LOCK_EX) != 0) {
    if (errno != EINTR) return FileError("lock", path, errno);
  }
  return absl::OkStatus();
}

absl::StatusOr<State> ReadState(const std::string& path) {
  State state{path, path + ".previous", path + ".tmp", {}, {}};
  absl::StatusOr<std::optional<std::string>> current = Read(state.path);
  if (!current.ok()) return current.status();
  absl::StatusOr<std::optional<std::string>> previous = Read(state.previous_path);
  if (!previous.ok()) return previous.status();
  state.current = *std::move(current);
  state.previous = *std::move(previous);
  return state;
}

}  // namespace

absl::Status ChangeFile(const std::string& path, const FileChange& change) {
  const std::string lock_path = path + ".lock";
  const Descriptor lock(lock_path, O_RDWR | O_CREAT);
  if (absl::Status locked = Lock(lock, lock_path); !locked.ok()) return locked;
  absl::StatusOr<State> state = ReadState(path);
  if (!state.ok()) return state.status();
  const absl::StatusOr<std::string> changed = change(state->current);
  if (!changed.ok()) return changed.status();
  if (state->current == *changed) return absl::OkStatus();
  absl::Status kept = Replace(state->previous_path, state->current, state->temporary);
  if (!kept.ok()) return kept;
  absl::Status replaced = Replace(path, *changed, state->temporary);
  if (!replaced.ok()) Replace(state->previous_path, state->previous, state->temporary).IgnoreError();
  return replaced;
}

absl::StatusOr<Undone> UndoFileChange(const std::string& path) {
  const std::string lock_path = path + ".lock";
  const Descriptor lock(lock_path, O_RDWR | O_CREAT);
  if (absl::Status locked = Lock(lock, lock_path); !locked.ok()) return locked;
  absl::StatusOr<State> state = ReadState(path);
  if (!state.ok()) return state.status();
  if (!state->current.has_value() && !state->previous.has_value()) {
    return absl::FailedPreconditionError(absl::StrCat("nothing to undo: there is no ", path, " and no earlier state"));
  }
  if (absl::Status status = Replace(path, state->previous, state->temporary); !status.ok()) return status;
  if (absl::Status status = Replace(state->previous_path, state->current, state->temporary); !status.ok()) {
    Replace(path, state->current, state->temporary).IgnoreError();
    return status;
  }
  return state->previous.has_value() ? Undone::kRestored : Undone::kRemoved;
}

}  // namespace bayespfl
