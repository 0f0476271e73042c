#include "base/files.h"

#include <sys/stat.h>

#include <filesystem>
#include <string>
#include <thread>
#include <vector>

#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> NamesIn(const std::string& folder) {
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder)) names.push_back(entry.path().filename());
  return names;
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
