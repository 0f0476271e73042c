#include "model/package/staged_folder.h"

#include <chrono>
#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

class StagedFolderTest : public ::testing::Test {
 protected:
  void Age(const std::string& name) const {
    fs::last_write_time(folder_.File(name), fs::file_time_type::clock::now() - std::chrono::hours(2));
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(StagedFolderTest, AppearsWhole) {
  const auto staged = StagedFolder::Create(folder_.File("model"), /*replace=*/false);
  ASSERT_TRUE(staged.ok()) << staged.status();
  ASSERT_TRUE((*staged)->Write("a", "1").ok());
  EXPECT_FALSE(fs::exists(folder_.File("model")));
  ASSERT_TRUE((*staged)->Commit().ok());
  EXPECT_EQ(folder_.Read("model/a"), "1");
}

TEST_F(StagedFolderTest, WhatAKilledWriterLeftIsRemovedOnceItIsOld) {
  for (const char* const name : {".model.abc123", ".model.fresh1", ".other.abc123", ".model.longer-name"}) {
    folder_.Write(std::string(name) + "/clip.safetensors", "half");
    if (std::string(name) != ".model.fresh1") Age(name);
  }
  folder_.Write(".model.file01", "not a folder");
  Age(".model.file01");

  ASSERT_TRUE(StagedFolder::Create(folder_.File("model"), /*replace=*/true).ok());

  EXPECT_FALSE(fs::exists(folder_.File(".model.abc123")));
  for (const char* const name : {".model.fresh1", ".other.abc123", ".model.longer-name", ".model.file01"}) {
    EXPECT_TRUE(fs::exists(folder_.File(name))) << name;
  }
}

}  // namespace
}  // namespace bayespfl
