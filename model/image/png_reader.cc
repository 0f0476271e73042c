#include "model/image/png_reader.h"

#include <csetjmp>
#include <cstring>

#include "model/image/image_limits.h"

namespace bayespfl::image_internal {

size_t BytesPerPixel(PngRowKind kind) {
  switch (kind) {
    case PngRowKind::kRgb8:
      return 3;
    case PngRowKind::kRgb16:
      return 6;
    case PngRowKind::kGray16:
      return 2;
    case PngRowKind::kGray8:
    case PngRowKind::kIndex:
      return 1;
  }
  return 0;
}

bool PngReader::ReadInfo() {
  png_ = png_create_read_struct(PNG_LIBPNG_VER_STRING, this, &Fail, [](png_structp, png_const_charp) {});
  if (png_ == nullptr) return false;
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  info_ = png_create_info_struct(png_);
  if (info_ == nullptr) return false;
  png_set_user_limits(png_, uint32_t{kMaxSide}, uint32_t{kMaxSide});
  // Whole data sets announce a smaller window than their matches reach back.
  png_set_option(png_, PNG_MAXIMUM_INFLATE_WINDOW, PNG_OPTION_ON);
  png_set_read_fn(png_, this, &Read);
  png_read_info(png_, info_);
  return true;
}

bool PngReader::ReadHeader() {
  if (!ReadInfo()) return false;
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  if (png_get_color_type(png_, info_) == PNG_COLOR_TYPE_PALETTE) {
    kind_ = PngRowKind::kIndex;
    png_get_PLTE(png_, info_, &palette_, &colors_);
    png_set_packing(png_);
  } else {
    kind_ = png_get_bit_depth(png_, info_) == 16 ? PngRowKind::kRgb16 : PngRowKind::kRgb8;
    png_set_expand_gray_1_2_4_to_8(png_);
    png_set_gray_to_rgb(png_);
    png_set_strip_alpha(png_);
  }
  StartRows();
  return true;
}

bool PngReader::ReadGrayHeader() {
  if (!ReadInfo()) return false;
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  if (png_get_color_type(png_, info_) != PNG_COLOR_TYPE_GRAY) png_error(png_, "it is not gray");
  kind_ = png_get_bit_depth(png_, info_) == 16 ? PngRowKind::kGray16 : PngRowKind::kGray8;
  png_set_expand_gray_1_2_4_to_8(png_);
  StartRows();
  return true;
}

void PngReader::StartRows() {
  passes_ = png_set_interlace_handling(png_);
  png_read_update_info(png_, info_);
}

bool PngReader::ReadRows(absl::FunctionRef<uint8_t*(size_t)> row, absl::FunctionRef<void(size_t)> done) {
  if (setjmp(png_jmpbuf(png_)) != 0) return false;
  const uint32_t height = png_get_image_height(png_, info_);
  for (int pass = 1; pass <= passes_; ++pass) {
    for (uint32_t y = 0; y < height; ++y) {
      png_read_row(png_, row(y), nullptr);
      if (pass == passes_) done(y);
    }
  }
  png_read_end(png_, nullptr);
  return true;
}

void PngReader::Fail(png_structp png, png_const_charp message) {
  auto* self = static_cast<PngReader*>(png_get_error_ptr(png));
  std::strncpy(self->message_, message, sizeof(self->message_) - 1);
  png_longjmp(png, 1);
}

void PngReader::Read(png_structp png, png_bytep to, size_t size) {
  auto* self = static_cast<PngReader*>(png_get_io_ptr(png));
  if (size > self->rest_.size()) png_error(png, "the file ends early");
  std::memcpy(to, self->rest_.data(), size);
  self->rest_.remove_prefix(size);
}

}  // namespace bayespfl::image_internal
