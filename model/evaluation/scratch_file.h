// Room on disk for what would not fit in memory.
#ifndef BAYESPFL_MODEL_EVALUATION_SCRATCH_FILE_H_
#define BAYESPFL_MODEL_EVALUATION_SCRATCH_FILE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace bayespfl {

// An append-only file of 32-bit words. It has no name (unlinked as soon as it is created), so that the disk space comes
// back however the program ends. Every error names the folder. Appending needs one thread at a time; reading is
// thread-safe while nobody appends.
class ScratchFile {
 public:
  // Fails if `directory` does not exist or does not take files; the status code follows errno.
  static absl::StatusOr<std::unique_ptr<ScratchFile>> Create(const std::string& directory);

  ~ScratchFile();
  ScratchFile(const ScratchFile&) = delete;
  ScratchFile& operator=(const ScratchFile&) = delete;

  // Words appended so far.
  int64_t size() const { return size_; }

  // All or nothing: after an error the file is as before. ResourceExhausted: the disk or the quota is full.
  absl::Status Append(absl::Span<const uint32_t> words);

  // Fills `words` from `position`, counted in words. OutOfRange: past the end. DataLoss: the file has shrunk.
  absl::Status Read(int64_t position, absl::Span<uint32_t> words) const;

 private:
  ScratchFile(int descriptor, std::string directory);
  absl::Status Error(int error_number, const char* what) const;

  const int descriptor_;
  const std::string directory_;
  int64_t size_ = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_EVALUATION_SCRATCH_FILE_H_
