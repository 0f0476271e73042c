// The container of PyTorch's files (torch.save since 1.6, TorchScript): a zip archive whose records lie uncompressed
// below one folder: "<folder>/data.pkl", "<folder>/data/<key>", "<folder>/byteorder" ...
//
// Read with libzip, not with LibTorch's PyTorchStreamReader: that one is built without CRC checks (a flipped bit in a
// weight passes unnoticed) and inflates the record "version" while it opens a file, however large that claims to be.
#ifndef BAYESPFL_MODEL_CHECKPOINT_TORCH_ARCHIVE_H_
#define BAYESPFL_MODEL_CHECKPOINT_TORCH_ARCHIVE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct zip;

namespace bayespfl {

// Not thread-safe.
class TorchArchive {
 public:
  // Opens and checks the directory: records below one folder, no name twice, stored sizes that the file can hold,
  // little endian, and no record that is needed compressed (TorchScript compresses its code, which is never read).
  // NotFound: no such file. DataLoss: not such an archive, or a damaged one; the message names the record.
  static absl::StatusOr<std::unique_ptr<TorchArchive>> Open(const std::string& path);

  ~TorchArchive();
  TorchArchive(const TorchArchive&) = delete;
  TorchArchive& operator=(const TorchArchive&) = delete;

  const std::string& path() const { return path_; }

  // Bytes of a record, named without the folder ("data/0"). DataLoss: there is none.
  absl::StatusOr<uint64_t> Size(absl::string_view record) const;

  // Fills `out`, which must have the record's size. DataLoss: no such record, another size, or the CRC is wrong.
  absl::Status Read(absl::string_view record, absl::Span<uint8_t> out) const;

 private:
  struct Record {
    uint64_t index = 0;  // in the zip directory
    uint64_t size = 0;   // bytes
    bool stored = true;  // uncompressed
  };

  TorchArchive(std::string path, zip* archive) : path_(std::move(path)), archive_(archive) {}
  absl::Status ReadDirectory(uint64_t file_size);
  absl::Status CheckByteOrder() const;
  absl::StatusOr<const Record*> Find(absl::string_view record) const;

  std::string path_;
  zip* archive_;
  std::map<std::string, Record, std::less<>> records_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_TORCH_ARCHIVE_H_
