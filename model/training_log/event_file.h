// Curves for TensorBoard: a file of scalar events.
//
// A record is its length (8 bytes, little-endian), the masked CRC-32C of these, the event, and the masked CRC-32C of
// that (the TFRecord format of the TensorFlow guide, "TFRecords format details"). An event is the protocol buffer of
// TensorFlow's event.proto, of which only the few fields that a curve needs are written.
#ifndef BAYESPFL_MODEL_TRAINING_LOG_EVENT_FILE_H_
#define BAYESPFL_MODEL_TRAINING_LOG_EVENT_FILE_H_

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace bayespfl {

struct Scalar {
  std::string tag;   // "loss/total": the part before the stroke names the group of curves
  double value = 0;  // kept as a float
};

// Not thread-safe.
class EventFile final {
 public:
  // A new file `events.out.tfevents.SECONDS.HOST.PROCESS` in the folder, which must be there. Where one process after
  // the other writes curves of one run, the first steps of the next may have been written before the last one was
  // killed: TensorBoard is told to forget what it knows from `first_step` on. Errors are FileError()'s.
  static absl::StatusOr<std::unique_ptr<EventFile>> Create(const std::filesystem::path& folder, int64_t first_step,
                                                           absl::Time now);
  ~EventFile();
  EventFile(const EventFile&) = delete;
  EventFile& operator=(const EventFile&) = delete;

  // One point of each of the curves. It is in the file when this returns, and readers take it from there. Errors are
  // FileError()'s.
  absl::Status Add(int64_t step, absl::Span<const Scalar> scalars, absl::Time now);

  const std::filesystem::path& path() const { return path_; }

 private:
  EventFile(std::filesystem::path path, int descriptor) : path_(std::move(path)), descriptor_(descriptor) {}
  absl::Status WriteRecord(absl::string_view event) const;

  const std::filesystem::path path_;
  const int descriptor_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TRAINING_LOG_EVENT_FILE_H_
