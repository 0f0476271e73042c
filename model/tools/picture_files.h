// The picture files that a command line names.
#ifndef BAYESPFL_MODEL_TOOLS_PICTURE_FILES_H_
#define BAYESPFL_MODEL_TOOLS_PICTURE_FILES_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace bayespfl {

// Files as they are; a folder stands for every picture below it (base/picture_extension.h), sorted by path, linked
// folders not followed. NotFound: no such file, or no picture in a folder. Else the code of the errno. The message
// names the path.
absl::StatusOr<std::vector<std::string>> PictureFiles(const std::vector<std::string>& arguments);

// The file's bytes. InvalidArgument: a folder, empty, or over ImageLimits().max_bytes. Others as ReadFile().
absl::StatusOr<std::string> ReadPictureFile(const std::string& path);

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_TOOLS_PICTURE_FILES_H_
