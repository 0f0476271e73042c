#include "base/files.h"

#include <sys/stat.h>

#include <filesystem>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
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

}  // namespace
}  // namespace bayespfl
