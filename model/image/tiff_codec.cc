#include "model/image/tiff_codec.h"

#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/tiff_directory.h"

namespace bayespfl::image_internal {
namespace {

absl::Status Damaged(absl::string_view scheme, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat("damaged TIFF: ", scheme, " data ", what));
}

// The dictionary of one LZW stream. Entry i is entry prefix[i] followed by last[i]; entries below 256 are the bytes.
class LzwDecoder {
 public:
  explicit LzwDecoder(absl::Span<const uint8_t> input) : input_(input) {
    for (uint16_t i = 0; i < 256; ++i) entries_[i] = {i, 1, static_cast<uint8_t>(i), static_cast<uint8_t>(i)};
  }

  absl::Status Fill(absl::Span<uint8_t> output) {
    while (written_ < output.size()) {
      const int code = NextCode();
      if (code < 0 || code == kEndOfInformation) return Damaged("LZW", "ends early");
      if (code == kClear) {
        Reset();
      } else if (!Expand(static_cast<uint16_t>(code), output)) {
        return Damaged("LZW", "holds an impossible code");
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Entry {
    uint16_t prefix;
    uint16_t length;
    uint8_t first;
    uint8_t last;
  };
  static constexpr int kClear = 256;
  static constexpr int kEndOfInformation = 257;
  static constexpr uint16_t kFirstFree = 258;
  static constexpr uint16_t kMaxEntries = 4096;
  static constexpr uint16_t kNoCode = 0xffff;

  void Reset() {
    free_ = kFirstFree;
    bits_ = 9;
    previous_ = kNoCode;
  }

  // Codes are stored with the most significant bit first. -1 at the end of the input.
  int NextCode() {
    while (buffered_ < bits_) {
      if (position_ == input_.size()) return -1;
      buffer_ = (buffer_ << 8) | input_[position_++];
      buffered_ += 8;
    }
    buffered_ -= bits_;
    return static_cast<int>((buffer_ >> buffered_) & ((uint32_t{1} << bits_) - 1));
  }

  // Writes the code's bytes and adds the next entry. False for a code that cannot occur here.
  bool Expand(uint16_t code, absl::Span<uint8_t> output) {
    if (previous_ == kNoCode) {
      if (code >= 256) return false;
    } else {
      if (code > free_ || (code == free_ && free_ == kMaxEntries)) return false;
      // The one code that may be used before it is known: it starts like its predecessor.
      const uint8_t appended = entries_[code == free_ ? previous_ : code].first;
      Add(appended);
    }
    Write(code, output);
    previous_ = code;
    return true;
  }

  void Add(uint8_t appended) {
    if (free_ == kMaxEntries) return;
    const Entry& base = entries_[previous_];
    entries_[free_++] = {previous_, static_cast<uint16_t>(base.length + 1), base.first, appended};
    // TIFF widens its codes one entry early.
    if (bits_ < 12 && free_ == (1 << bits_) - 1) ++bits_;
  }

  // Strings come out of the dictionary back to front; what does not fit any more is dropped.
  void Write(uint16_t code, absl::Span<uint8_t> output) {
    const size_t length = entries_[code].length;
    for (size_t i = length; i-- > 0; code = entries_[code].prefix) {
      if (written_ + i < output.size()) output[written_ + i] = entries_[code].last;
    }
    written_ = std::min(written_ + length, output.size());
  }

  absl::Span<const uint8_t> input_;
  // Not cleared, which would cost more than decoding a small block: only entries below free_ are ever read.
  std::array<Entry, kMaxEntries> entries_;
  size_t position_ = 0;
  size_t written_ = 0;
  uint32_t buffer_ = 0;
  int buffered_ = 0;
  int bits_ = 9;
  uint16_t free_ = kFirstFree;
  uint16_t previous_ = kNoCode;
};

// Writers of TIFF 5.0's time stored the codes the other way round. Then the first one, which clears the dictionary,
// begins with these bits; as one of today it would be a byte 0 or 1 without clearing.
bool IsOldLzw(absl::Span<const uint8_t> input) { return input.size() >= 2 && input[0] == 0 && (input[1] & 1) != 0; }

absl::Status UnpackBits(absl::Span<const uint8_t> input, absl::Span<uint8_t> output) {
  constexpr uint8_t kNothing = 128;
  while (!output.empty()) {
    if (input.empty()) return Damaged("PackBits", "ends early");
    const uint8_t control = input.front();
    input.remove_prefix(1);
    if (control == kNothing) continue;
    const bool literal = control < kNothing;
    const size_t count = literal ? control + size_t{1} : size_t{257} - control;
    const size_t needed = literal ? count : 1;
    if (input.size() < needed) return Damaged("PackBits", "ends early");
    const size_t used = std::min(count, output.size());
    if (literal) {
      std::copy_n(input.begin(), used, output.begin());
    } else {
      std::fill_n(output.begin(), used, input.front());
    }
    input.remove_prefix(needed);
    output.remove_prefix(used);
  }
  return absl::OkStatus();
}

// Ends the inflate stream on every way out.
struct InflateStream : z_stream {
  InflateStream() : z_stream{} {}
  InflateStream(const InflateStream&) = delete;
  InflateStream& operator=(const InflateStream&) = delete;
  ~InflateStream() { inflateEnd(this); }
};

absl::Status Inflate(absl::Span<const uint8_t> input, absl::Span<uint8_t> output) {
  constexpr size_t kLongest = std::numeric_limits<uInt>::max();
  if (input.size() > kLongest || output.size() > kLongest) return Damaged("Deflate", "is too long");
  InflateStream stream;
  if (inflateInit(&stream) != Z_OK) return absl::InternalError("zlib does not start");
  stream.next_in = const_cast<Bytef*>(input.data());
  stream.avail_in = static_cast<uInt>(input.size());
  stream.next_out = output.data();
  stream.avail_out = static_cast<uInt>(output.size());
  int code = inflate(&stream, Z_FINISH);
  if (stream.avail_out != 0) return Damaged("Deflate", "is invalid or ends early");
  if (code != Z_STREAM_END) {
    // The picture is complete, but zlib compares the checksum only on its way to the end.
    Bytef beyond[256];
    stream.next_out = beyond;
    stream.avail_out = sizeof(beyond);
    code = inflate(&stream, Z_FINISH);
  }
  if (code == Z_DATA_ERROR) return Damaged("Deflate", "has a wrong checksum");
  return absl::OkStatus();
}

}  // namespace

bool IsSupportedTiffCompression(uint64_t tag_value) {
  if (tag_value > std::numeric_limits<uint32_t>::max()) return false;
  switch (static_cast<TiffCompression>(tag_value)) {
    case TiffCompression::kNone:
    case TiffCompression::kLzw:
    case TiffCompression::kJpeg:
    case TiffCompression::kDeflate:
    case TiffCompression::kOldDeflate:
    case TiffCompression::kPackBits:
      return true;
  }
  return false;
}

std::optional<uint64_t> LargestTiffExpansion(TiffCompression compression) {
  switch (compression) {
    case TiffCompression::kNone:
      return 1;
    case TiffCompression::kPackBits:
      return 64;  // two bytes for 128
    case TiffCompression::kLzw:
      return 4096;  // no string is longer, no code shorter than a byte
    case TiffCompression::kDeflate:
    case TiffCompression::kOldDeflate:
      return 1032;  // two bits for 258 bytes (zlib's "Technical Details")
    case TiffCompression::kJpeg:
      break;
  }
  return std::nullopt;
}

absl::Status DecompressTiffBlock(TiffCompression compression, absl::Span<const uint8_t> input,
                                 absl::Span<uint8_t> output) {
  switch (compression) {
    case TiffCompression::kNone:
      if (input.size() < output.size()) return Damaged("uncompressed", "ends early");
      std::copy_n(input.begin(), output.size(), output.begin());
      return absl::OkStatus();
    case TiffCompression::kLzw:
      if (IsOldLzw(input)) return UnsupportedTiff("LZW codes with the lowest bit first, as before TIFF 6.0");
      return LzwDecoder(input).Fill(output);
    case TiffCompression::kDeflate:
    case TiffCompression::kOldDeflate:
      return Inflate(input, output);
    case TiffCompression::kPackBits:
      return UnpackBits(input, output);
    case TiffCompression::kJpeg:
      break;
  }
  return absl::InvalidArgumentError("unsupported TIFF compression");
}

}  // namespace bayespfl::image_internal
