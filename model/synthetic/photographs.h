// Photographs of good parts, from which synthetic sets are made.
//
//   FOLDER/a.jpg               category FOLDER
//   FOLDER/metal_nut/a.jpg     category metal_nut, at any depth below it
#ifndef BAYESPFL_MODEL_SYNTHETIC_PHOTOGRAPHS_H_
#define BAYESPFL_MODEL_SYNTHETIC_PHOTOGRAPHS_H_

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/image/image.h"
#include "model/image/picture_files.h"
#include "model/image/picture_reading.h"

namespace bayespfl::synthetic {

struct PhotographCategory {
  std::string name = {};
  std::vector<PictureFile> files = {};  // sorted, not empty; names are relative to the folder
};

// A file that is left out.
struct BadPhotograph {
  std::string name = {};  // relative to the folder
  std::string reason = {};

  // "NAME: REASON". Names of files may hold anything (EscapeControls() of base/utf8.h).
  [[nodiscard]] std::string Sentence() const;
};

struct Photographs {
  std::vector<PhotographCategory> categories = {};  // by name; not empty
  std::vector<BadPhotograph> bad = {};              // by name
  LeftOut left_out = {};
  PictureReading reading = {};

  [[nodiscard]] int64_t count() const;  // of files in all categories
};

// Told how many of all files have been read.
using PhotographObserver = std::function<void(int64_t done, int64_t total)>;

// Finds the pictures below `folder` and reads each once. One is bad when it cannot be read, or is smaller than scenes
// need (kLeastPhotographSide). NotFound: there is no such folder, or no picture in it; InvalidArgument: all are bad,
// with the reason of the first; else as PicturesBelow().
absl::StatusOr<Photographs> OpenPhotographs(const std::filesystem::path& folder, const PictureReading& reading,
                                            const PhotographObserver& observer);

// Reads a photograph. InvalidArgument: bad, as above; errors begin with its name. Thread-safe.
absl::StatusOr<RgbImage> ReadPhotograph(const PictureFile& file, const PictureReading& reading);

}  // namespace bayespfl::synthetic

#endif  // BAYESPFL_MODEL_SYNTHETIC_PHOTOGRAPHS_H_
