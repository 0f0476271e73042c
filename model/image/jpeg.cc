#include "model/image/jpeg.h"

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <string>

// The library's headers are C and come after <cstdio>.
#include <jerror.h>
#include <jpeglib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "model/image/image_limits.h"

namespace bayespfl::image_internal {
namespace {

// What a decompressor says of a picture that it cannot read. Nothing is allocated: errors come where no destructor
// runs.
struct Complaint {
  int code = 0;                     // of jerror.h; 0: one of ours
  int argument = 0;                 // of the message, where the code has one
  char text[JMSG_LENGTH_MAX] = {};  // the library's words or ours
};

bool IsHarmless(int warning) {
  switch (warning) {
    case JWRN_EXTRANEOUS_DATA:
    case JWRN_ADOBE_XFORM:
    case JWRN_JFIF_MAJOR:
    case JWRN_BOGUS_ICC:
    case JWRN_NOT_SEQUENTIAL:
    case JWRN_JPEG_EOF:
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
    progress_.progress_monitor = &WatchScans;
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
    // A file may bring its tables in a stream of their own, in front of the picture's.
    while (jpeg_read_header(&codec_, FALSE) == JPEG_HEADER_TABLES_ONLY) {
      if (ends_early_ || codec_.src->bytes_in_buffer == 0) Refuse("there are tables and no picture");
    }
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
    // Of several scans this reads all.
    jpeg_start_decompress(&codec_);
    NoteScan();
    RequireEveryScan();
    const auto row_bytes = size_t{codec_.output_width} * static_cast<size_t>(codec_.output_components);
    while (codec_.output_scanline < rows) {
      JSAMPROW row = pixels + codec_.output_scanline * row_bytes;
      jpeg_read_scanlines(&codec_, &row, 1);
    }
    if (rows == height()) jpeg_finish_decompress(&codec_);
    if (ends_early_ && codec_.arith_code != 0) Refuse("the file ends early");
    return true;
  }

  [[nodiscard]] int64_t width() const { return codec_.image_width; }
  [[nodiscard]] int64_t height() const { return codec_.image_height; }
  [[nodiscard]] bool is_cmyk() const {
    return codec_.jpeg_color_space == JCS_CMYK || codec_.jpeg_color_space == JCS_YCCK;
  }
  // Whether so many bytes may hold the picture: without arithmetic codes each block of 8 x 8 pixels takes a bit.
  [[nodiscard]] bool MayBeIn(size_t bytes) const {
    return codec_.arith_code != 0 || width() * height() / (8 * 64) <= static_cast<int64_t>(bytes);
  }
  [[nodiscard]] int components() const { return codec_.num_components; }
  [[nodiscard]] const Complaint& complaint() const { return complaint_; }

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
    Complaint& complaint = Self(codec)->complaint_;
    complaint.code = codec->err->msg_code;
    complaint.argument = codec->err->msg_parm.i[0];
    codec->err->format_message(codec, complaint.text);
    std::longjmp(Self(codec)->jump_, 1);
  }

  [[noreturn]] void Refuse(const char* why) {
    complaint_.code = 0;
    std::snprintf(complaint_.text, sizeof(complaint_.text), "%s", why);
    std::longjmp(jump_, 1);
  }

  // Level -1 is a warning, 0 and above are traces.
  static void JudgeMessage(j_common_ptr codec, int level) {
    if (level >= 0) return;
    if (codec->err->msg_code == JWRN_JPEG_EOF) Self(codec)->ends_early_ = true;
    if (!IsHarmless(codec->err->msg_code)) Fail(codec);
  }

  // Called by the library before each row of blocks, so at least once in every scan.
  static void WatchScans(j_common_ptr codec) {
    Decompressor* self = Self(codec);
    self->NoteScan();
    const int64_t scans = self->codec_.input_scan_number;
    const int64_t pixels = self->picture_pixels_ != 0 ? self->picture_pixels_ : self->width() * self->height();
    if (scans <= kMaxJpegScans && scans * pixels <= kMaxJpegScanPixels) return;
    self->Refuse("too many scans for its size");
  }

  void NoteScan() {
    for (int i = 0; i < codec_.comps_in_scan; ++i) {
      scanned_ |= 1U << static_cast<unsigned>(codec_.cur_comp_info[i]->component_index);
    }
  }

  void RequireEveryScan() {
    if (scanned_ != (1U << static_cast<unsigned>(codec_.num_components)) - 1) Refuse("a component has no scan");
    if (!ends_early_ || codec_.coef_bits == nullptr) return;
    for (int component = 0; component < codec_.num_components; ++component) {
      for (const int missing_bits : codec_.coef_bits[component]) {
        // -1: no scan has brought the coefficient.
        if (missing_bits != 0) Refuse("the file ends before its last scan");
      }
    }
  }

  jpeg_decompress_struct codec_{};
  jpeg_error_mgr errors_{};
  jpeg_progress_mgr progress_{};
  std::jmp_buf jump_{};
  int64_t picture_pixels_ = 0;
  Complaint complaint_;
  unsigned scanned_ = 0;     // a bit for each component that has been in a scan
  bool ends_early_ = false;  // without an end marker
};

// What kind of JPEG a start-of-frame marker that the library does not read announces (ITU-T T.81, table B.1).
absl::string_view NameOfProcess(int marker) {
  switch (marker) {
    case 0xc3:
    case 0xcb:
      return "lossless";
    default:
      return "hierarchical";
  }
}

// Why it cannot be read, if the file may well be whole; empty: it is damaged.
std::string NameOfUnsupported(const Decompressor& decompressor) {
  constexpr int kJpegLs = 0xf7;
  const Complaint& complaint = decompressor.complaint();
  switch (complaint.code) {
    case JERR_SOF_UNSUPPORTED:
      return std::string(NameOfProcess(complaint.argument));
    case JERR_UNKNOWN_MARKER:
      return complaint.argument == kJpegLs ? "JPEG-LS" : "";
    case JERR_BAD_PRECISION:
      return absl::StrCat(complaint.argument, " bits per sample; expected 8");
    case JERR_EMPTY_IMAGE:
      return decompressor.height() == 0 && decompressor.width() > 0 ? "its height stands behind its rows (DNL)" : "";
    case JERR_CONVERSION_NOTIMPL:
      return absl::StrCat(decompressor.components(), " components; expected gray or RGB");
    case JERR_ARITH_NOTIMPL:
    case JERR_CCIR601_NOTIMPL:
    case JERR_FRACT_SAMPLE_NOTIMPL:
      return complaint.text;
    default:
      return "";
  }
}

absl::Status Refusal(const Decompressor& decompressor) {
  if (const std::string name = NameOfUnsupported(decompressor); !name.empty()) {
    return absl::InvalidArgumentError(absl::StrCat("unsupported JPEG: ", name));
  }
  return absl::InvalidArgumentError(absl::StrCat("damaged or truncated JPEG: ", decompressor.complaint().text));
}

}  // namespace

absl::StatusOr<RgbImage> DecodeJpeg(absl::Span<const uint8_t> encoded, const ImageLimits& limits) {
  Decompressor decompressor;
  if (!decompressor.ReadHeader(encoded)) return Refusal(decompressor);
  absl::Status status = CheckPixelLimit(decompressor.width(), decompressor.height(), limits);
  if (!status.ok()) return status;
  if (decompressor.is_cmyk()) {
    return absl::InvalidArgumentError("unsupported JPEG: CMYK; expected gray or RGB");
  }
  // Before there is memory for what cannot be there.
  if (!decompressor.MayBeIn(encoded.size())) {
    return absl::InvalidArgumentError("damaged or truncated JPEG: too little data for its size");
  }
  RgbImage image{static_cast<int>(decompressor.width()), static_cast<int>(decompressor.height()), {}};
  image.pixels.resize(image.pixel_count() * 3);
  decompressor.WantRgb();
  if (!decompressor.ReadPixels(image.pixels.data(), decompressor.height())) return Refusal(decompressor);
  return image;
}

absl::Status DecodeJpegBlock(const JpegBlock& block, absl::Span<uint8_t> samples) {
  Decompressor decompressor;
  decompressor.CountScansOf(block.picture_pixels);
  if (!block.tables.empty() && !decompressor.ReadTables(block.tables)) return Refusal(decompressor);
  if (!decompressor.ReadHeader(block.data)) return Refusal(decompressor);
  if (decompressor.width() != block.width || decompressor.height() < block.rows ||
      decompressor.height() > block.most_rows || decompressor.components() != block.samples) {
    return absl::InvalidArgumentError(absl::StrCat("damaged JPEG: ", decompressor.width(), " x ", decompressor.height(),
                                                   " pixels of ", decompressor.components(), " samples where ",
                                                   block.width, " x ", block.rows, " of ", block.samples, " belong"));
  }
  if (block.ycbcr) {
    decompressor.AssumeYCbCr();
    decompressor.WantRgb();
  } else {
    decompressor.KeepColors();
  }
  if (!decompressor.ReadPixels(samples.data(), block.rows)) return Refusal(decompressor);
  return absl::OkStatus();
}

}  // namespace bayespfl::image_internal
