// Where the files lie that tests need, whatever folder a test runs in.
#ifndef BAYESPFL_TESTS_SUPPORT_PATHS_H_
#define BAYESPFL_TESTS_SUPPORT_PATHS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace bayespfl::testing {

// Absolute paths of TestData("tiny/config.json") in tests/data, Asset("demo/model") in assets,
// SourceFile("docs/api.md") in the checkout and BuildOutput("bin/bayespfl-server") in the build folder. The checkout is
// the one that the test was built in; a test that was carried to another machine finds it where TEST_CHECKOUT in the
// environment says. Thread-safe.
std::string TestData(absl::string_view path);
std::string Asset(absl::string_view path);
std::string SourceFile(absl::string_view path);
std::string BuildOutput(absl::string_view path);

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_PATHS_H_
