// Which files of a folder are taken for pictures.
#ifndef BAYESPFL_BASE_PICTURE_EXTENSION_H_
#define BAYESPFL_BASE_PICTURE_EXTENSION_H_

#include <filesystem>

namespace bayespfl {

// By its name alone: .jpg .jpeg .png .bmp .tif .tiff .webp, in any case.
bool HasPictureExtension(const std::filesystem::path& file);

}  // namespace bayespfl

#endif  // BAYESPFL_BASE_PICTURE_EXTENSION_H_
