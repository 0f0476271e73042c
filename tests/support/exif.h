// Picture files with EXIF data, for tests.
#ifndef BAYESPFL_TESTS_SUPPORT_EXIF_H_
#define BAYESPFL_TESTS_SUPPORT_EXIF_H_

#include <string>

#include "absl/strings/string_view.h"
#include "model/image/orientation.h"

namespace bayespfl::testing {

// The JPEG or PNG file with EXIF data that says the orientation and nothing else.
std::string WithExif(absl::string_view file, Orientation orientation);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_EXIF_H_
