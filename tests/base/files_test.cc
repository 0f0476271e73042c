#include "base/files.h"

#include <sys/resource.h>
#include <sys/stat.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/ordinary_user.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::EndsWith;
using ::testing::HasSubstr;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
}

TEST(ReadFileTest, ChecksSizeAndKind) {
  const testing::TemporaryFolder folder;
  const std::string large = folder.Write("large", std::string(11, 'x'));

  EXPECT_TRUE(absl::IsNotFound(ReadFile(folder.File("none"), 10).status()));
  EXPECT_THAT(std::string(ReadFile(folder.Write("nothing", ""), 10).status().message()), EndsWith("nothing is empty"));
  EXPECT_THAT(std::string(ReadFile(large, 10).status().message()), HasSubstr("limit of 10 bytes"));
  EXPECT_EQ(ReadFile(large, 11).value().size(), 11U);
  EXPECT_THAT(std::string(ReadFile(folder.path(), 10).status().message()), HasSubstr("is a folder"));
}

TEST(ReadStreamTest, RefusesAnEmptyStream) {
  std::istringstream nothing;

  EXPECT_TRUE(absl::IsInvalidArgument(ReadStream(nothing, "standard input", 10).status()));
}

TEST(WriteFileTest, MakesTheFoldersAboveTheFile) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.File("x/y/z");

  EXPECT_TRUE(WriteFile(file, "bytes").ok());

  EXPECT_EQ(*ReadFile(file, 10), "bytes");
  EXPECT_EQ(NamesIn(folder.File("x/y")), std::vector<std::string>{"z"});
  EXPECT_FALSE(WriteFile(folder.File("x/y/z/under_a_file"), "bytes").ok());
}

TEST(WriteFileTest, ReplacesAFileAndLeavesNothingBeside) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.path() + "/file";

  EXPECT_TRUE(WriteFile(file, "before").ok());
  EXPECT_TRUE(WriteFile(file, "after").ok());

  EXPECT_EQ(*ReadFile(file, 100), "after");
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileTest, WritersOfOneFileDoNotMixTheirBytes) {
  constexpr int kRounds = 100;
  constexpr size_t kBytes = 1 << 18;
  const testing::TemporaryFolder folder;
  const std::string file = folder.path() + "/file";
  std::vector<int> failures(4);
  std::vector<std::thread> writers;
  for (size_t i = 0; i < failures.size(); ++i) {
    writers.emplace_back([&file, &failure = failures[i], letter = static_cast<char>('a' + i)] {
      for (int round = 0; round < kRounds; ++round) {
        failure += WriteFile(file, std::string(kBytes, letter)).ok() ? 0 : 1;
        const auto seen = ReadFile(file, 2 * kBytes);
        failure += seen.ok() && *seen == std::string(kBytes, seen->front()) ? 0 : 1;
      }
    });
  }
  for (std::thread& writer : writers) writer.join();

  EXPECT_EQ(failures, std::vector<int>(4, 0));
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileTest, TakesTheLongestNameThatTheSystemAllows) {
  const testing::TemporaryFolder folder;

  EXPECT_TRUE(WriteFile(folder.path() + "/" + std::string(255, 'n'), "x").ok());
}

TEST(WriteFileTest, TheUmaskDecidesWhoMayRead) {
  const testing::TemporaryFolder folder;
  const mode_t before = umask(027);

  const std::string file = folder.Write("file", "x");

  umask(before);
  EXPECT_EQ(fs::status(file).permissions(), fs::perms(0640));
}

TEST(WriteFileTest, AFailureLeavesNothingBehind) {
  const testing::TemporaryFolder folder;
  fs::create_directories(folder.path() + "/taken/full");

  EXPECT_FALSE(WriteFile(folder.path() + "/taken", "x").ok());

  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"taken"});
}

TEST(WriteFileDurablyTest, ReplacesAFileAndLeavesNothingBeside) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.File("file");

  EXPECT_TRUE(WriteFileDurably(file, "before").ok());
  EXPECT_TRUE(WriteFileDurably(file, "after").ok());

  EXPECT_EQ(*ReadFile(file, 100), "after");
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileDurablyTest, TakesAFileOfTheWorkingDirectory) {
  const testing::TemporaryFolder folder;
  const fs::path before = fs::current_path();
  fs::current_path(folder.path());

  const absl::Status status = WriteFileDurably("file", "x");

  fs::current_path(before);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileDurablyTest, MakesNoFolder) {
  const testing::TemporaryFolder folder;

  const absl::Status status = WriteFileDurably(folder.File("none/file"), "x");

  EXPECT_TRUE(absl::IsNotFound(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write " + folder.File("none/file")));
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{});
}

TEST(WriteFileDurablyTest, AFolderThatMayNotBeWrittenToIsAnErrorAndStaysAsItIs) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "before");
  fs::permissions(folder.path(), fs::perms(0555));

  const absl::Status status = [&] {
    const testing::OrdinaryUser user;
    return WriteFileDurably(file, "after");
  }();

  fs::permissions(folder.path(), fs::perms(0755));
  EXPECT_TRUE(absl::IsPermissionDenied(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write " + file));
  EXPECT_EQ(folder.Read("file"), "before");
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

// Of the files that this process writes from now on; a write over it gives EFBIG, as a full disk gives ENOSPC, where
// SIGXFSZ is ignored, and otherwise ends the process.
void LimitFileSize(rlim_t bytes) {
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  limit.rlim_cur = bytes;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(WriteFileDurablyTest, ADiskThatFillsUpLeavesTheOldContentAndNoPart) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "before");
  rlimit old{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &old), 0);
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  LimitFileSize(100);

  const absl::Status status = WriteFileDurably(file, std::string(5000, 'x'));

  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write " + file));
  EXPECT_EQ(folder.Read("file"), "before");
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileDurablyDeathTest, AProcessThatDiesInTheMiddleLeavesTheOldContent) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "before");

  EXPECT_EXIT(
      {
        const rlimit no_core{};
        setrlimit(RLIMIT_CORE, &no_core);
        LimitFileSize(100);
        WriteFileDurably(file, std::string(5000, 'x'), folder.File("file.tmp")).IgnoreError();
      },
      ::testing::KilledBySignal(SIGXFSZ), "");

  EXPECT_EQ(folder.Read("file"), "before");
  EXPECT_EQ(folder.Read("file.tmp"), std::string(100, 'x'));
  // What it left behind is in nobody's way.
  EXPECT_TRUE(WriteFileDurably(file, "after", folder.File("file.tmp")).ok());
  EXPECT_EQ(folder.Read("file"), "after");
  EXPECT_EQ(NamesIn(folder.path()), std::vector<std::string>{"file"});
}

TEST(WriteFileDurablyTest, ANeighbourThatCannotBeReplacedIsNamed) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "before");
  fs::create_directories(folder.File("file.tmp/in the way"));

  const absl::Status status = WriteFileDurably(file, "after", folder.File("file.tmp"));

  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot remove " + folder.File("file.tmp")));
  EXPECT_EQ(folder.Read("file"), "before");
}

TEST(FlushFolderTest, NamesTheFolderThatIsMissingOrIsNone) {
  const testing::TemporaryFolder folder;
  const std::string file = folder.Write("file", "x");

  EXPECT_TRUE(FlushFolder(folder.path()).ok());
  EXPECT_TRUE(FlushFolderOf(file).ok());
  EXPECT_TRUE(FlushFolderOf("a file of the working directory").ok());
  EXPECT_TRUE(absl::IsNotFound(FlushFolder(folder.File("none"))));
  EXPECT_THAT(std::string(FlushFolder(file).message()), HasSubstr("cannot open the folder " + file));
}

TEST(WriteAllTest, NamesTheFileThatCannotBeWritten) {
  const absl::Status status = WriteAll(-1, "x", "out/weights");

  EXPECT_THAT(std::string(status.message()), HasSubstr("cannot write out/weights: Bad file descriptor"));
  EXPECT_TRUE(WriteAll(-1, "", "out/weights").ok());
}

TEST(FileErrorTest, CarriesTheReasonAndItsCode) {
  EXPECT_TRUE(absl::IsResourceExhausted(FileError("write", "a/b", ENOSPC)));
  EXPECT_EQ(FileError("write", "a/b", ENOENT).message(), "cannot write a/b: No such file or directory");
  EXPECT_EQ(FileError("write", "a/b", 0).message(), "cannot write a/b: Input/output error");
}

}  // namespace
}  // namespace bayespfl
