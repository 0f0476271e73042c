#include "tests/support/paths.h"

#include "absl/strings/str_cat.h"

namespace bayespfl::testing {

std::string TestData(absl::string_view path) { return absl::StrCat(BAYESPFL_SOURCE_DIR, "/tests/data/", path); }
std::string Asset(absl::string_view path) { return absl::StrCat(BAYESPFL_SOURCE_DIR, "/assets/", path); }
std::string SourceFile(absl::string_view path) { return absl::StrCat(BAYESPFL_SOURCE_DIR, "/", path); }
std::string BuildOutput(absl::string_view path) { return absl::StrCat(BAYESPFL_BUILD_DIR, "/", path); }

}  // namespace bayespfl::testing
