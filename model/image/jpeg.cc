#include "model/image/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE

// The library's headers are C and come after <cstdio>.
#include <jerror.h>
#include <jpeglib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

bool IsHarmless(int warning) {
  switch (warning) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC:
    case JWRN_NOT_SEQUENTIAL:
      return true;
    default:
      return false;
  }
}

// Owns one libjpeg decompressor. The library reports errors by calling back, and the callback must not return, so each
// method that enters the library is a setjmp target: it returns false after an error, with message() set. Such methods
// hold no object with a destructor, because the jump would skip it. After false only the destructor may follow.
class Decompressor {
 public:
  Decompressor() {
    codec_.err = jpeg_std_error(&errors_);
    codec_.client_data = this;
    errors_.error_exit = &Fail;
    errors_.emit_message = &JudgeMessage;
    errors_.output_message = [](j_common_ptr) {};
    progress_.progress_monitor = &LimitScans;
  }
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;
  ~Decompressor() { jpeg_destroy_decompress(&codec_); }

  // Reads quantization and Huffman tables alone, for a picture that comes without. `tables` must stay alive as long.
  bool ReadTables(absl::Span<const uint8_t> tables) {
    if (setjmp(jump_) != 0) return false;
    Open(tables);
    jpeg_read_header(&codec_, FALSE);
    return true;
  }

  // Reads up to the first scan. `encoded` must stay alive while decoding.
  bool ReadHeader(absl::Span<const uint8_t> encoded) {
    if (setjmp(jump_) != 0) return false;
    Open(encoded);
    jpeg_read_header(&codec_, TRUE);
    return true;
  }

  // What the header says of the colours is not to be trusted: it is told by whoever holds the JPEG.
  void AssumeYCbCr() { codec_.jpeg_color_space = JCS_YCbCr; }
  void KeepColors() { codec_.jpeg_color_space = codec_.out_color_space = JCS_UNKNOWN; }
  void WantRgb() { codec_.out_color_space = JCS_RGB; }

  // Holds kMaxJpegScanPixels against a picture of which this is a part.
  void CountScansOf(int64_t picture_pixels) { picture_pixels_ = picture_pixels; }

  // Decodes the first `rows` rows into `pixels` ([rows, width, 3], or as many samples as are kept). All of them: reads
  // on to the end marker.
  bool ReadPixels(uint8_t* pixels, int64_t rows) {
    if (setjmp(jump_) != 0) return false;
    jpeg_start_decompress(&codec_);
    const auto row_bytes = size_t{codec_.output_width} * static_cast<size_t>(codec_.output_components);
    while (codec_.output_scanline < rows) {
      JSAMPROW row = pixels + codec_.output_scanline * row_bytes;
      jpeg_read_scanlines(&codec_, &row, 1);
    }
    if (rows == height()) jpeg_finish_decompress(&codec_);
    return true;
  }

  [[nodiscard]] int64_t width() const { return codec_.image_width; }
  [[nodiscard]] int64_t height() const { return codec_.image_height; }
  [[nodiscard]] int samples() const { return codec_.num_components; }
  [[nodiscard]] bool is_cmyk() const {
    return codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK;
  }
  [[nodiscard]] const char* message() const { return message_; }

 private:
  static Decompressor* Self(j_common_ptr codec) { return static_cast<Decompressor*>(codec->client_data); }

  // For methods that are setjmp targets.
  void Open(absl::Span<const uint8_t> encoded) {
    if (codec_.mem == nullptr) {
      jpeg_create_decompress(&codec_);
      codec_.progress = &progress_;
    }
    jpeg_mem_src(&codec_, encoded.data(), static_cast<unsigned long>(encoded.size()));
  }

  [[noreturn]] static void Fail(j_common_ptr codec) {
    codec->err->format_message(codec, Self(codec)->message_);
    std::longjmp(Self(codec)->jump_, 1);
  }

  // Level -1 is a warning, 0 and above are traces.
  static void JudgeMessage(j_common_ptr codec, int level) {
    if (level < 0 && !IsHarmless(codec->err->msg_code)) Fail(codec);
  }

  // Called by the library once per row of blocks.
  static void LimitScans(j_common_ptr codec) {
    Decompressor* self = Self(codec);
    const int64_t scans = self->codec_.input_scan_number;
    const int64_t pixels = self->picture_pixels_ != 0 ? self->picture_pixels_ : self->width() * self->height();
    if (scans <= kMaxJpegScans && scans * pixels <= kMaxJpegScanPixels) return;
    std::snprintf(self->message_, sizeof(self->message_), "too many scans for its size");
    std::longjmp(self->jump_, 1);
  }

  jpeg_decompress_struct codec_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  int64_t picture_pixels_ = 0;
  char message_[JMSG_LENGTH_MAX] = {};
};

absl::Status Damaged(const Decompressor& decompressor) {
  return absl::InvalidArgumentError(absl::StrCat("damaged or truncated JPEG: ", decompressor.message()));
}

}  // namespace

absl::StatusOr<RgbImage> DecodeJpeg(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  Decompressor decompressor;
  if (!decompressor.ReadHeader(encoded)) return Damaged(decompressor);
  absl::Status status = CheckPixelLimit(decompressor.width(), decompressor.height(), limits);
  if (!status.ok()) return status;
  if (decompressor.is_cmyk()) {
    return absl::InvalidArgumentError("unsupported JPEG: CMYK; expected gray or RGB");
  }
  RgbImage image{static_cast<int>(decompressor.width()), static_cast<int>(decompressor.height()), {}};
  image.pixels.resize(image.pixel_count() * 3);
  decompressor.WantRgb();
  if (!decompressor.ReadPixels(image.pixels.data(), decompressor.height())) return Damaged(decompressor);
  return image;
}

absl::Status DecodeJpegBlock(const JpegBlock& block, absl::Span<uint8_t> samples) {
  Decompressor decompressor;
  decompressor.CountScansOf(block.picture_pixels);
  if (!block.tables.empty() && !decompressor.ReadTables(block.tables)) return Damaged(decompressor);
  if (!decompressor.ReadHeader(block.data)) return Damaged(decompressor);
  if (decompressor.width() != block.width || decompressor.height() < block.rows ||
      decompressor.samples() != block.samples) {
    return absl::InvalidArgumentError(absl::StrCat("damaged JPEG: ", decompressor.width(), " x ", decompressor.height(),
                                                   " pixels of ", decompressor.samples(), " samples where ",
                                                   block.width, " x ", block.rows, " of ", block.samples, " belong"));
  }
  if (block.ycbcr) {
    decompressor.AssumeYCbCr();
    decompressor.WantRgb();
  } else {
    decompressor.KeepColors();
  }
  if (!decompressor.ReadPixels(samples.data(), block.rows)) return Damaged(decompressor);
  return absl::OkStatus();
}

}  // namespace bayespfl::image_internal
