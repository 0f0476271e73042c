#include "model/checkpoint/pickle_bytes.h"

#include <algorithm>

#include "absl/status/status.h"

namespace bayespfl {

absl::StatusOr<absl::Span<const uint8_t>> PickleBytes::Take(size_t count) {
  if (bytes_.size() - position_ < count) return absl::DataLossError("the pickle ends too early");
  const absl::Span<const uint8_t> taken = bytes_.subspan(position_, count);
  position_ += count;
  return taken;
}

absl::StatusOr<uint64_t> PickleBytes::TakeInteger(size_t count) {
  const absl::StatusOr<absl::Span<const uint8_t>> bytes = Take(count);
  if (!bytes.ok()) return bytes.status();
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value |= uint64_t{(*bytes)[i]} << (8 * i);
  return value;
}

absl::StatusOr<std::string> PickleBytes::TakeText(size_t count) {
  const absl::StatusOr<absl::Span<const uint8_t>> bytes = Take(count);
  if (!bytes.ok()) return bytes.status();
  return std::string(bytes->begin(), bytes->end());
}

absl::StatusOr<std::string> PickleBytes::TakeLine() {
  const auto begin = bytes_.begin() + static_cast<ptrdiff_t>(position_);
  const auto end = std::find(begin, bytes_.end(), '\n');
  if (end == bytes_.end()) return absl::DataLossError("a line has no end");
  position_ += static_cast<size_t>(end - begin) + 1;
  return std::string(begin, end);
}

}  // namespace bayespfl
