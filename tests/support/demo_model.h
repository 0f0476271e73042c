// The embedded demo model, for programs of bayespfl_test().
#ifndef BAYESPFL_TESTS_SUPPORT_DEMO_MODEL_H_
#define BAYESPFL_TESTS_SUPPORT_DEMO_MODEL_H_

#include <gtest/gtest.h>

#include "tests/support/paths.h"

#include <filesystem>
#include <string>
#include <system_error>

namespace bayespfl::testing {

// Its package, and what its config.json says.
inline const std::string kDemoModel = Asset("demo/model");
inline constexpr char kDemoModelVersion[] = "2.0.0";
inline constexpr int kDemoModelSide = 240;  // pixels
inline constexpr float kDemoModelMask = 0.7212F;

// Copies the package to `folder`, which it makes, for tests that change it: without its calibration, which holds for
// the package as it is and no other.
inline void CopyDemoModel(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::copy(kDemoModel, folder, std::filesystem::copy_options::recursive, error);
  if (!error) std::filesystem::remove(folder / "calibration.json", error);
  ASSERT_FALSE(error) << "cannot copy " << kDemoModel << " to " << folder << ": " << error.message();
}

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_DEMO_MODEL_H_
