// The bytes of a pickle, read from front to back: its opcodes and what follows them.
#ifndef BAYESPFL_MODEL_CHECKPOINT_PICKLE_BYTES_H_
#define BAYESPFL_MODEL_CHECKPOINT_PICKLE_BYTES_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace bayespfl {

// Errors are DataLoss: the bytes end too early. Nothing is consumed then. Not thread-safe.
class PickleBytes {
 public:
  // Borrows `bytes`.
  explicit PickleBytes(absl::Span<const uint8_t> bytes) : bytes_(bytes) {}

  size_t position() const { return position_; }
  bool AtEnd() const { return position_ == bytes_.size(); }

  // An unsigned little-endian integer of `count` <= 8 bytes.
  absl::StatusOr<uint64_t> TakeInteger(size_t count);

  absl::StatusOr<std::string> TakeText(size_t count);

  // Up to the next newline, which is consumed and left out.
  absl::StatusOr<std::string> TakeLine();

 private:
  absl::StatusOr<absl::Span<const uint8_t>> Take(size_t count);

  absl::Span<const uint8_t> bytes_;
  size_t position_ = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_CHECKPOINT_PICKLE_BYTES_H_
