// Picture files: which those of a folder are, and their bytes. Every command finds its pictures here, so that a folder
// means the same to all of them.
//
// A folder stands for every picture below it. What it holds besides is left out, and counted, so that nobody takes a
// part for the whole:
//   - hidden files and folders: their name begins with a dot, as those that macOS leaves beside each file ("._a.jpg")
//   - files of another kind, by their ending
//   - what an earlier inspection wrote: a file NAME_overlay.png and a file NAME_mask.png beside it
//   - links that lead nowhere, or to a folder that was read already; so loops of links end
// Linked files and folders are taken as if they lay there.
#ifndef BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_
#define BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/image/decode.h"

namespace bayespfl {

// Largest picture file that is read, bytes: what decoders and servers accept unless told otherwise.
inline constexpr size_t kMaxPictureFileBytes = static_cast<size_t>(ImageLimits{}.max_bytes);

// Whether a file of a folder is taken for a picture. By its name alone: .jpg .jpeg .jpe .jfif .mpo .png .bmp .tif .tiff
// .webp, in any case. Thread-safe.
bool HasPictureExtension(const std::filesystem::path& file);

// What the names of an inspection's results end with, behind the picture's own name without its ending.
inline constexpr absl::string_view kOverlayEnding = "_overlay.png";
inline constexpr absl::string_view kMaskEnding = "_mask.png";

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

// What folders hold besides pictures, in numbers.
struct LeftOut {
  int64_t hidden = 0;                               // files and folders
  int64_t results = 0;                              // overlays and masks
  int64_t dead_links = 0;                           // links that lead nowhere, and what is neither file nor folder
  int64_t read_before = 0;                          // links to folders that were read already
  std::map<std::string, int64_t> other_kinds = {};  // files, by their ending in lower case: ".txt"; "" for none

  [[nodiscard]] int64_t total() const;
  // "3 files left out: 2 hidden, 1 of another kind (.txt)"; empty when there are none. Endings may hold anything: a
  // terminal must not obey them (EscapeControls() of base/utf8.h).
  [[nodiscard]] std::string Sentence() const;

  LeftOut& operator+=(const LeftOut& other);
};

struct FoundPictures {
  std::vector<PictureFile> files = {};
  LeftOut left_out = {};
};

struct WalkOptions {
  // A folder that is not entered and does not count as left out: the one that results go to.
  std::optional<std::filesystem::path> exclude = std::nullopt;
  // Whether results of an earlier inspection are left out. Of a folder of masks they are what is wanted.
  bool skip_results = true;
};

// The pictures below `folder`, sorted by path component by component; perhaps none. PictureFile::name is relative to
// `folder`, which may be a link itself. Each folder is read once: where it lies rather than where a link shows it.
// The code of the errno, with the path, of a folder that cannot be read, at any depth. Thread-safe.
absl::StatusOr<FoundPictures> PicturesBelow(const std::filesystem::path& folder, const WalkOptions& options = {});

// The pictures of `arguments`, in their order. A file stands for itself, whatever its name.
// NotFound: no such file or folder, or a folder without a picture, with what was left out. Else as PicturesBelow().
absl::StatusOr<FoundPictures> FindPictureFiles(const std::vector<std::string>& arguments,
                                               const std::optional<std::filesystem::path>& exclude = std::nullopt);

// The file's bytes. InvalidArgument: a folder, empty, or over kMaxPictureFileBytes; others as ReadFile().
absl::StatusOr<std::string> ReadPictureFile(const std::filesystem::path& path);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_IMAGE_PICTURE_FILES_H_
