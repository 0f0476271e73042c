// The pictures that a command line or a manifest names.
#ifndef BAYESPFL_CLIENT_CPP_INPUTS_H_
#define BAYESPFL_CLIENT_CPP_INPUTS_H_

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "model/image/picture_files.h"

namespace bayespfl::client {

// One picture to inspect.
struct Input {
  std::string name;            // PictureFile::name, which two inputs may share; "stdin" for standard input
  std::filesystem::path path;  // empty: `bytes` holds the picture
  std::string bytes;
  std::string category;
  std::optional<std::string> object;  // words of the prompt; absent: the server chooses
  int significant_bits = 0;           // of 16-bit samples, 9..16; 0: the run's, if it has any
};

struct CollectedInputs {
  std::vector<Input> inputs = {};
  LeftOut left_out = {};  // what the folders hold besides
};

// The inputs of FILES, FOLDERS and "-" in this order: "-" reads the bytes of one picture from standard input, the rest
// is found by FindPictureFiles() of model/image/picture_files.h, without `exclude` (the folder that results go to).
// INVALID_ARGUMENT: "-" twice, or an empty or too large standard input; else the errors of FindPictureFiles().
absl::StatusOr<CollectedInputs> CollectInputs(const std::vector<std::string>& arguments, const std::string& category,
                                              const std::optional<std::string>& object,
                                              const std::optional<std::filesystem::path>& exclude);

// The inputs of a manifest, see manifest.h. Their files need not exist.
absl::StatusOr<std::vector<Input>> ManifestInputs(const std::filesystem::path& manifest);

// The picture's bytes, at most kMaxPictureFileBytes. Errors name the file.
absl::StatusOr<std::string> LoadPicture(const Input& input);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_INPUTS_H_
