#include "model/image/bmp_run_lengths.h"

#include <algorithm>
#include <cstddef>

namespace bayespfl::image_internal {
namespace {

// What the second byte means behind a first one of 0; from 3 on it counts the indices that follow.
enum Escape : uint8_t {
  kEndOfRow = 0,
  kEndOfPicture = 1,
  kJump = 2,
};

class RunLengthReader {
 public:
  RunLengthReader(const BmpHeader& header, absl::Span<const uint8_t> packed, uint8_t* pixels)
      : header_(header),
        rest_(packed),
        pixels_(pixels),
        is_wide_(header.coding == BmpCoding::kRle8),
        padded_width_(header.row_bytes() * 8 / header.bits_per_pixel) {}

  absl::Status Read() {
    while (!IsComplete()) {
      if (rest_.size() < 2) return Truncated();
      const uint8_t count = rest_[0];
      const uint8_t value = rest_[1];
      rest_.remove_prefix(2);
      absl::Status status = count > 0 ? Repeat(count, value) : value > kJump ? Copy(value) : Obey(value);
      if (!status.ok()) return status;
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Truncated() {
    return absl::InvalidArgumentError("truncated BMP: the file ends inside its run lengths");
  }

  [[nodiscard]] bool IsComplete() const {
    return y_ == header_.size.height || (y_ == header_.size.height - 1 && x_ >= header_.size.width);
  }

  absl::Status Repeat(int count, uint8_t value) {
    for (int i = 0; i < count; ++i) {
      const int index = is_wide_ ? value : i % 2 == 0 ? value >> 4 : value & 0xf;
      if (absl::Status status = Put(index); !status.ok()) return status;
    }
    return absl::OkStatus();
  }

  absl::Status Copy(int count) {
    const size_t bytes = is_wide_ ? static_cast<size_t>(count) : static_cast<size_t>(count + 1) / 2;
    if (rest_.size() < bytes) return Truncated();
    for (int i = 0; i < count; ++i) {
      const uint8_t value = rest_[static_cast<size_t>(is_wide_ ? i : i / 2)];
      const int index = is_wide_ ? value : i % 2 == 0 ? value >> 4 : value & 0xf;
      if (absl::Status status = Put(index); !status.ok()) return status;
    }
    rest_.remove_prefix(std::min(rest_.size(), bytes + bytes % 2));
    return absl::OkStatus();
  }

  absl::Status Obey(uint8_t escape) {
    if (escape == kJump) {
      if (rest_.size() < 2) return Truncated();
      const bool moves = rest_[0] != 0 || rest_[1] != 0;
      rest_.remove_prefix(2);
      if (!moves) return absl::OkStatus();
    }
    if (escape != kEndOfRow || x_ < header_.size.width) {
      return absl::InvalidArgumentError("unsupported BMP: its run lengths leave pixels out");
    }
    x_ = 0;
    ++y_;
    return absl::OkStatus();
  }

  absl::Status Put(int index) {
    if (x_ >= padded_width_) return absl::InvalidArgumentError("damaged BMP: a run is longer than its row");
    if (x_ < header_.size.width) {
      if (static_cast<size_t>(index) >= header_.palette.size()) {
        return absl::InvalidArgumentError("damaged BMP: a pixel has a colour that the palette lacks");
      }
      const int64_t row = header_.top_down ? y_ : header_.size.height - 1 - y_;
      const BmpColor& color = header_.palette[static_cast<size_t>(index)];
      std::copy(color.begin(), color.end(), pixels_ + (row * header_.size.width + x_) * 3);
    }
    ++x_;
    return absl::OkStatus();
  }

  const BmpHeader& header_;
  absl::Span<const uint8_t> rest_;
  uint8_t* const pixels_;
  const bool is_wide_;          // an index is a byte, not half of one
  const int64_t padded_width_;  // pixels that a row has room for
  int64_t x_ = 0;               // next pixel of the row
  int64_t y_ = 0;               // rows in the file's order
};

}  // namespace

absl::Status ReadBmpRunLengths(const BmpHeader& header, absl::Span<const uint8_t> packed, uint8_t* pixels) {
  return RunLengthReader(header, packed, pixels).Read();
}

}  // namespace bayespfl::image_internal
