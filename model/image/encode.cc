#include "model/image/encode.h"

#include <png.h>

#include <csetjmp>
#include <cstddef>
#include <cstdio>  // jpeglib.h needs FILE
#include <cstdlib>
#include <cstring>
#include <vector>

// The library's header is C and comes after <cstdio>.
#include <jpeglib.h>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace bayespfl {
namespace {

constexpr int kPngCompression = 1;  // zlib's fastest

struct PngLayout {
  int bit_depth;
  int color_type;
  size_t bytes_per_pixel;  // going in
};

PngLayout LayoutOf(PngSamples samples) {
  switch (samples) {
    case PngSamples::kGray1:
      return {1, PNG_COLOR_TYPE_GRAY, 1};
    case PngSamples::kGray8:
      return {8, PNG_COLOR_TYPE_GRAY, 1};
    case PngSamples::kGray16:
      return {16, PNG_COLOR_TYPE_GRAY, 2};
    case PngSamples::kRgb8:
      break;
  }
  return {8, PNG_COLOR_TYPE_RGB, 3};
}

// Owns one libpng writer. As with the readers: a method that enters the library is a setjmp target, returns false after
// an error, and holds no object with a destructor.
class PngWriter {
 public:
  explicit PngWriter(std::string& file) : file_(file) {}
  PngWriter(const PngWriter&) = delete;
  PngWriter& operator=(const PngWriter&) = delete;
  ~PngWriter() { png_destroy_write_struct(&png_, &info_); }

  bool Write(const PngLayout& layout, uint32_t width, uint32_t height, const uint8_t* data) {
    png_ = png_create_write_struct(PNG_LIBPNG_VER_STRING, this, &Fail, [](png_structp, png_const_charp) {});
    if (png_ == nullptr) return false;
    if (setjmp(png_jmpbuf(png_)) != 0) return false;
    info_ = png_create_info_struct(png_);
    if (info_ == nullptr) return false;
    png_set_write_fn(png_, this, &Append, [](png_structp) {});
    png_set_compression_level(png_, kPngCompression);
    png_set_IHDR(png_, info_, width, height, layout.bit_depth, layout.color_type, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    // Smooth maps and pictures shrink by the difference to the left neighbour; masks are runs already.
    png_set_filter(png_, PNG_FILTER_TYPE_BASE, layout.bit_depth == 1 ? PNG_FILTER_NONE : PNG_FILTER_SUB);
    png_write_info(png_, info_);
    png_set_packing(png_);
    const size_t row_bytes = layout.bytes_per_pixel * width;
    for (uint32_t y = 0; y < height; ++y) png_write_row(png_, data + row_bytes * y);
    png_write_end(png_, nullptr);
    return true;
  }

  [[nodiscard]] const char* message() const { return message_; }

 private:
  [[noreturn]] static void Fail(png_structp png, png_const_charp message) {
    auto* self = static_cast<PngWriter*>(png_get_error_ptr(png));
    std::strncpy(self->message_, message, sizeof(self->message_) - 1);
    png_longjmp(png, 1);
  }

  static void Append(png_structp png, png_bytep bytes, size_t size) {
    static_cast<PngWriter*>(png_get_io_ptr(png))->file_.append(reinterpret_cast<const char*>(bytes), size);
  }

  std::string& file_;
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  char message_[128] = "out of memory";  // as long as nothing else is known
};

// Owns one libjpeg compressor and the memory that it writes to.
class JpegWriter {
 public:
  JpegWriter() {
    codec_.err = jpeg_std_error(&errors_);
    codec_.client_data = this;
    errors_.error_exit = &Fail;
    errors_.output_message = [](j_common_ptr) {};
  }
  JpegWriter(const JpegWriter&) = delete;
  JpegWriter& operator=(const JpegWriter&) = delete;
  ~JpegWriter() {
    jpeg_destroy_compress(&codec_);
    std::free(bytes_);  // libjpeg's malloc
  }

  bool Write(const RgbImage& image, int quality) {
    if (setjmp(jump_) != 0) return false;
    jpeg_create_compress(&codec_);
    jpeg_mem_dest(&codec_, &bytes_, &size_);
    codec_.image_width = static_cast<JDIMENSION>(image.width);
    codec_.image_height = static_cast<JDIMENSION>(image.height);
    codec_.input_components = 3;
    codec_.in_color_space = JCS_RGB;
    jpeg_set_defaults(&codec_);
    jpeg_set_quality(&codec_, quality, TRUE);
    jpeg_start_compress(&codec_, TRUE);
    while (codec_.next_scanline < codec_.image_height) {
      // The library reads the row only.
      auto* row = const_cast<JSAMPROW>(image.pixels.data() + size_t{codec_.next_scanline} * codec_.image_width * 3);
      jpeg_write_scanlines(&codec_, &row, 1);
    }
    jpeg_finish_compress(&codec_);
    return true;
  }

  [[nodiscard]] std::string file() const { return {reinterpret_cast<const char*>(bytes_), size_}; }
  [[nodiscard]] const char* message() const { return message_; }

 private:
  [[noreturn]] static void Fail(j_common_ptr codec) {
    auto* self = static_cast<JpegWriter*>(codec->client_data);
    codec->err->format_message(codec, self->message_);
    std::longjmp(self->jump_, 1);
  }

  jpeg_compress_struct codec_{};
  jpeg_error_mgr errors_{};
  std::jmp_buf jump_{};
  unsigned char* bytes_ = nullptr;
  unsigned long size_ = 0;
  char message_[JMSG_LENGTH_MAX] = {};
};

absl::Status CheckPicture(const RgbImage& image) {
  if (image.width > 0 && image.height > 0 && image.pixels.size() == 3 * image.pixel_count()) return absl::OkStatus();
  return absl::InvalidArgumentError("there is no picture to encode, or its pixels do not fit its size");
}

// Lengths of the runs, outside first, which may be 0.
std::vector<int64_t> RunLengths(size_t width, size_t height, absl::Span<const uint8_t> mask) {
  std::vector<int64_t> runs = {0};
  bool inside = false;
  for (size_t x = 0; x < width; ++x) {
    for (size_t y = 0; y < height; ++y) {
      if ((mask[y * width + x] != 0) != inside) {
        inside = !inside;
        runs.push_back(0);
      }
      ++runs.back();
    }
  }
  return runs;
}

}  // namespace

absl::StatusOr<std::string> EncodePng(PngSamples samples, int width, int height, absl::Span<const uint8_t> data) {
  std::string file;
  PngWriter writer(file);
  if (!writer.Write(LayoutOf(samples), static_cast<uint32_t>(width), static_cast<uint32_t>(height), data.data())) {
    return absl::InternalError(absl::StrCat("the PNG encoder failed: ", writer.message()));
  }
  return file;
}

absl::StatusOr<std::string> EncodePng(const RgbImage& image) {
  if (const absl::Status status = CheckPicture(image); !status.ok()) return status;
  return EncodePng(PngSamples::kRgb8, image.width, image.height, image.pixels);
}

absl::StatusOr<std::string> EncodeJpeg(const RgbImage& image, int quality) {
  if (const absl::Status status = CheckPicture(image); !status.ok()) return status;
  if (quality < 1 || quality > 100) {
    return absl::InvalidArgumentError(absl::StrCat("the quality of a JPEG is 1..100, not ", quality));
  }
  if (image.width > JPEG_MAX_DIMENSION || image.height > JPEG_MAX_DIMENSION) {
    return absl::InvalidArgumentError(absl::StrCat("a picture of ", image.width, " x ", image.height,
                                                   " pixels cannot be a JPEG, whose sides have at most ",
                                                   JPEG_MAX_DIMENSION));
  }
  JpegWriter writer;
  if (!writer.Write(image, quality)) {
    return absl::InternalError(absl::StrCat("the JPEG encoder failed: ", writer.message()));
  }
  return writer.file();
}

std::string EncodeCocoRle(int width, int height, absl::Span<const uint8_t> mask) {
  const std::vector<int64_t> runs = RunLengths(static_cast<size_t>(width), static_cast<size_t>(height), mask);
  std::string text;
  for (size_t i = 0; i < runs.size(); ++i) {
    int64_t rest = i > 2 ? runs[i] - runs[i - 2] : runs[i];
    for (bool more = true; more;) {
      auto digit = static_cast<char>(rest & 0x1F);
      rest >>= 5;
      // The last digit's upper bit is the sign.
      more = (digit & 0x10) != 0 ? rest != -1 : rest != 0;
      if (more) digit = static_cast<char>(digit | 0x20);
      text.push_back(static_cast<char>(digit + 48));
    }
  }
  return text;
}

}  // namespace bayespfl
