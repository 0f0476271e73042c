#include "model/evaluation/scratch_file.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/file_size_limit.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using testing::FileSizeLimit;
using ::testing::HasSubstr;

class ScratchFileTest : public ::testing::Test {
 protected:
  const testing::TemporaryFolder temporary_;
  const std::string folder_ = temporary_.path();
};

TEST_F(ScratchFileTest, ReadsBackWhatWasAppended) {
  auto file = ScratchFile::Create(folder_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append({1, 2, 3}).ok());
  ASSERT_TRUE((*file)->Append({4, 5}).ok());

  std::vector<uint32_t> words(3);
  ASSERT_TRUE((*file)->Read(1, absl::MakeSpan(words)).ok());

  EXPECT_THAT(words, ElementsAre(2, 3, 4));
  EXPECT_EQ((*file)->size(), 5);
}

TEST_F(ScratchFileTest, LeavesNoNameInTheFolder) {
  const auto file = ScratchFile::Create(folder_);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_TRUE(fs::is_empty(folder_));
}

TEST_F(ScratchFileTest, RejectsAFolderThatIsNotThere) {
  const absl::Status status = ScratchFile::Create(folder_ + "/missing").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(status.message(), HasSubstr(folder_ + "/missing"));
}

TEST_F(ScratchFileTest, RejectsAReadPastTheEnd) {
  auto file = ScratchFile::Create(folder_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append({1, 2}).ok());
  std::vector<uint32_t> words(2);
  EXPECT_EQ((*file)->Read(1, absl::MakeSpan(words)).code(), absl::StatusCode::kOutOfRange);
}

TEST_F(ScratchFileTest, NamesTheFolderThatIsFull) {
  auto file = ScratchFile::Create(folder_);
  ASSERT_TRUE(file.ok()) << file.status();
  const FileSizeLimit limit(10);
  const absl::Status status = (*file)->Append({1, 2, 3});
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr(folder_));
}

TEST_F(ScratchFileTest, KeepsWhatItHadWhenAnAppendFails) {
  auto file = ScratchFile::Create(folder_);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append({1, 2}).ok());
  {
    const FileSizeLimit limit(10);
    ASSERT_FALSE((*file)->Append({7, 8}).ok());
  }

  ASSERT_TRUE((*file)->Append({3}).ok());

  std::vector<uint32_t> words(3);
  ASSERT_TRUE((*file)->Read(0, absl::MakeSpan(words)).ok());
  EXPECT_THAT(words, ElementsAre(1, 2, 3));
}

}  // namespace
}  // namespace bayespfl
