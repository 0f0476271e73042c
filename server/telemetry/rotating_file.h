// A file that lines are appended to, and that gives way to a new one when it is large enough.
#ifndef BAYESPFL_SERVER_TELEMETRY_ROTATING_FILE_H_
#define BAYESPFL_SERVER_TELEMETRY_ROTATING_FILE_H_

#include <unistd.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

// Where lines go.
class LineFile {
 public:
  virtual ~LineFile() = default;

  // Appends `line`, which ends with a line feed. After an error nothing of it is there, and the next call tries again.
  virtual absl::Status Append(absl::string_view line) = 0;

  // Returns when what was appended is on the disk.
  virtual absl::Status Sync() = 0;
};

struct RotatingFileOptions {
  std::string path = {};                   // in errors too, where it is a link
  int64_t max_bytes = int64_t{100} << 20;  // >= 1; a line that would go beyond begins a new file
  int files = 5;         // >= 1, all together: PATH, then PATH.1 (the youngest before it), PATH.2, ...
  bool durable = false;  // a file is on the disk before it gives way to the next, whose name is then there as well;
                         // else Sync() is about the lines of the present file alone
  std::function<int(int descriptor)> sync = [](int descriptor) { return fsync(descriptor); };
};

// Lines are whole: when one cannot be written to its end (a full disk), what was written of it is taken back; when an
// earlier process was killed within one, the next begins on a line of its own. PATH is locked (flock), so that two
// processes do not rotate each other's file. A device (/dev/null) is written to as it is, neither locked nor rotated.
//
// PATH may be a symbolic link, also to a file that is not there yet: the files are those of its target, beside which
// they are kept ("TARGET.1"), so that the lines stay on the disk that somebody chose for them. The link itself stays,
// and is looked at anew for each new file.
//
// Not thread-safe.
class RotatingFile final : public LineFile {
 public:
  // Opens the file, or makes it (mode 0640). FailedPrecondition: another process has it. Other errors are those of the
  // file system. All name the file.
  static absl::StatusOr<std::unique_ptr<RotatingFile>> Open(RotatingFileOptions options);
  ~RotatingFile() override;
  RotatingFile(const RotatingFile&) = delete;
  RotatingFile& operator=(const RotatingFile&) = delete;

  absl::Status Append(absl::string_view line) override;
  absl::Status Sync() override;

 private:
  explicit RotatingFile(RotatingFileOptions options);
  absl::Status OpenFile();
  absl::Status SyncFolder() const;
  absl::Status Rotate();
  absl::Status WriteAll(absl::string_view bytes);
  void Close();

  const RotatingFileOptions options_;
  std::string file_;  // that was opened last: options_.path, or what it links to
  int descriptor_ = -1;
  bool regular_ = false;  // no device
  int64_t size_ = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_ROTATING_FILE_H_
