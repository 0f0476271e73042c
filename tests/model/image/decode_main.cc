// Decodes the picture file FILE as the server does and writes it as a binary PPM: what tests in other languages compare
// with other decoders. Prints the reason and ends with 1 where the file is not read.
//
//   decode_picture FILE [upright]     "upright": turned as its EXIF data says
#include <cstdio>
#include <string>
#include <string_view>

#include "model/image/picture_files.h"
#include "model/image/picture_reading.h"

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  const absl::StatusOr<std::string> file = bayespfl::ReadPictureFile(argv[1]);
  if (!file.ok()) {
    std::fprintf(stderr, "%s\n", std::string(file.status().message()).c_str());
    return 1;
  }
  const absl::Span<const uint8_t> encoded(reinterpret_cast<const uint8_t*>(file->data()), file->size());
  const bool upright = argc > 2 && std::string_view(argv[2]) == "upright";
  const absl::StatusOr<bayespfl::RgbImage> image = bayespfl::ReadPicture(encoded, {.apply_orientation = upright});
  if (!image.ok()) {
    std::fprintf(stderr, "%s\n", std::string(image.status().message()).c_str());
    return 1;
  }
  std::printf("P6 %d %d 255\n", image->width, image->height);
  return std::fwrite(image->pixels.data(), 1, image->pixels.size(), stdout) == image->pixels.size() ? 0 : 1;
}
