// Without a GPU: what is refused, and that the module, where it was built, exports what is looked for.
#include "model/detection/graph_library.h"

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

absl::Status Refusal(const fs::path& path) { return OpenGraphLibrary(path).status(); }

TEST(GraphLibraryTest, IsLookedForBesideTheProgramAndInTheLibexecFolderNextToIt) {
  EXPECT_EQ(GraphLibraryPath().filename(), kGraphLibraryName);
  EXPECT_EQ(GraphLibraryPath().parent_path().filename(), "libexec") << "there is none beside this test";
}

TEST(GraphLibraryTest, ALibraryThatIsNotThereIsRefusedByItsName) {
  const absl::Status refused = Refusal("/nowhere/graphs.so");
  EXPECT_EQ(refused.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(refused.message(), "/nowhere/graphs.so is not there");
}

TEST(GraphLibraryTest, WhatIsNoLibraryIsRefused) {
  const testing::TemporaryFolder folder;
  const fs::path file = folder.Write("graphs.so", "not a library");
  EXPECT_EQ(Refusal(file).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Refusal(file).message(), HasSubstr("cannot be opened"));
}

// LibTorch's CUDA backend is not open in this test, and could not be without NVIDIA's libraries.
TEST(GraphLibraryTest, TheModuleWithoutTheCudaBackendIsRefused) {
  const fs::path module = BAYESPFL_GRAPH_LIBRARY;
  if (!fs::exists(module)) GTEST_SKIP() << "it was not built: CUDA's headers are not there";
  EXPECT_EQ(Refusal(module).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Refusal(module).message(), HasSubstr("cannot be opened"));
}

}  // namespace
}  // namespace bayespfl
