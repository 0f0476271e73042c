#include "tests/support/paths.h"

#include <cstdlib>

#include "absl/strings/str_cat.h"

namespace bayespfl::testing {
namespace {

std::string Checkout() {
  const char* const moved = std::getenv("TEST_CHECKOUT");
  return moved == nullptr || *moved == '\0' ? BAYESPFL_SOURCE_DIR : moved;
}

}  // namespace

std::string TestData(absl::string_view path) { return absl::StrCat(Checkout(), "/tests/data/", path); }
std::string Asset(absl::string_view path) { return absl::StrCat(Checkout(), "/assets/", path); }
std::string SourceFile(absl::string_view path) { return absl::StrCat(Checkout(), "/", path); }
std::string BuildOutput(absl::string_view path) { return absl::StrCat(BAYESPFL_BUILD_DIR, "/", path); }

}  // namespace bayespfl::testing
