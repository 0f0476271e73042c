// What keeps a shared library from being opened, all of it: the dynamic linker names one missing library at a time.
#ifndef BAYESPFL_MODEL_DETECTION_MISSING_LIBRARIES_H_
#define BAYESPFL_MODEL_DETECTION_MISSING_LIBRARIES_H_

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bayespfl {

// Names of the libraries that `library` needs, itself or through others, and that are neither in the folders that it
// names (DT_RPATH, DT_RUNPATH) nor where the dynamic linker finds them for this program; sorted. Nothing of the library
// itself is loaded or run. NotFound: there is no such file; InvalidArgument: not a shared library of this machine's
// kind (ELF, 64 bits, little-endian), or a damaged one.
absl::StatusOr<std::vector<std::string>> MissingLibraries(const std::filesystem::path& library);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_MISSING_LIBRARIES_H_
