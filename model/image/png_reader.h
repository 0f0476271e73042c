// libpng, one picture at a time.
#ifndef BAYESPFL_MODEL_IMAGE_PNG_READER_H_
#define BAYESPFL_MODEL_IMAGE_PNG_READER_H_

#include <png.h>

#include <cstddef>
#include <cstdint>

#include "absl/functional/function_ref.h"
#include "absl/types/span.h"

namespace bayespfl::image_internal {

// What a row holds for each pixel.
enum class PngRowKind {
  kGray8,
  kGray16,  // big-endian
  kRgb8,
  kRgb16,  // big-endian
  kIndex,  // a byte, into the palette. libpng would expand it too, but takes what the palette lacks for black
};

size_t BytesPerPixel(PngRowKind kind);

// Owns one libpng reader. The library reports errors by calling back, and the callback must not return, so each method
// that enters the library is a setjmp target: it returns false after an error, with message() set. Such methods hold no
// object with a destructor, because the jump would skip it. After false only the destructor may follow. Says nothing on
// standard error. Not thread-safe.
class PngReader {
 public:
  // `file` must stay alive while reading.
  explicit PngReader(absl::Span<const uint8_t> file) : rest_(file) {}
  PngReader(const PngReader&) = delete;
  PngReader& operator=(const PngReader&) = delete;
  ~PngReader() { png_destroy_read_struct(&png_, &info_, nullptr); }

  // Reads up to the pixels. Rows will be colours or indices, without alpha.
  bool ReadHeader();

  // The same, but rows will be samples as they are stored, small depths spread to eight bits. False for a picture that
  // is not gray.
  bool ReadGrayHeader();

  // Once, after the header: every row, in order, as often as the picture has passes; `row(y)` says where it goes, and
  // holds what it got in the pass before. `done(y)` is called after each of the last pass. Both must not throw.
  bool ReadRows(absl::FunctionRef<uint8_t*(size_t)> row, absl::FunctionRef<void(size_t)> done);

  [[nodiscard]] size_t row_bytes() const { return png_get_rowbytes(png_, info_); }
  [[nodiscard]] PngRowKind kind() const { return kind_; }
  [[nodiscard]] bool is_interlaced() const { return passes_ > 1; }
  [[nodiscard]] absl::Span<const png_color> palette() const { return {palette_, static_cast<size_t>(colors_)}; }
  [[nodiscard]] const char* message() const { return message_; }

 private:
  bool ReadInfo();
  void StartRows();
  [[noreturn]] static void Fail(png_structp png, png_const_charp message);
  static void Read(png_structp png, png_bytep to, size_t size);

  absl::Span<const uint8_t> rest_;  // of the file
  png_structp png_ = nullptr;
  png_infop info_ = nullptr;
  int passes_ = 1;
  PngRowKind kind_ = PngRowKind::kRgb8;
  png_colorp palette_ = nullptr;  // belongs to info_
  int colors_ = 0;
  char message_[128] = "out of memory";  // as long as nothing else is known
};

}  // namespace bayespfl::image_internal

#endif  // BAYESPFL_MODEL_IMAGE_PNG_READER_H_
