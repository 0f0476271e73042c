// Picture files: which those of a folder are, and their bytes.
#ifndef BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_
#define BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_

#include <cstddef>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/image/decode.h"

namespace bayespfl {

// Largest picture file that is read, bytes: what decoders and servers accept unless told otherwise.
inline constexpr size_t kMaxPictureFileBytes = static_cast<size_t>(ImageLimits{}.max_bytes);

// Whether a file of a folder is taken for a picture. By its name alone: .jpg .jpeg .png .bmp .tif .tiff .webp, in any
// case. Thread-safe.
bool HasPictureExtension(const std::filesystem::path& file);

// One picture of a command line.
struct PictureFile {
  std::filesystem::path path;

  // For people, and for the names of results: below the folder where the picture was found; for a file that was named
  // itself, the path as given when it is relative and stays below the working directory, else the file's own name. So
  // it is relative and has no "..", but two pictures may share it. Parted by '/'.
  std::string name;
};

// The PictureFile::name of a file that was named itself.
std::string PictureName(const std::filesystem::path& file);

// The pictures of `arguments`, in their order. A file stands for itself, whatever its extension. A folder stands for
// every picture below it, sorted by path component by component; `exclude` (say, the folder that results go to) and
// folders that are only linked are not entered, linked files are taken, links that lead nowhere are not. A folder named
// itself may be a link.
// NotFound: no such file or folder, or a folder without a picture. Else the code of the errno: of a folder that cannot
// be read, at any depth, nothing is left out silently. The message names the path. Thread-safe.
absl::StatusOr<std::vector<PictureFile>> FindPictureFiles(
    const std::vector<std::string>& arguments, const std::optional<std::filesystem::path>& exclude = std::nullopt);

// The file's bytes. InvalidArgument: a folder, empty, or over kMaxPictureFileBytes; others as ReadFile().
absl::StatusOr<std::string> ReadPictureFile(const std::filesystem::path& path);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_
