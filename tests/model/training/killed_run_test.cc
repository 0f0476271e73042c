// A run that is killed again and again ends with the bits of one that was left alone.

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/e2e/process.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

constexpr char kProgram[] = "../tests/training_run";

int RunToEnd(const std::string& folder) {
  testing::Background run(kProgram, {folder});
  return run.Wait();
}

// Everything that the newest state is made of: file -> bytes.
std::map<std::string, std::string> NewestState(const testing::TemporaryFolder& folder, const std::string& run) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(folder.File(run))) {
    if (entry.is_directory()) newest = std::max(newest, entry.path().filename().string());
  }
  std::map<std::string, std::string> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder.File(run + "/" + newest))) {
    const std::string name = entry.path().filename().string();
    files.emplace(name, folder.Read(absl::StrCat(run, "/", newest, "/", name)));
  }
  files.emplace("its name", newest);
  return files;
}

TEST(KilledRunTest, EndsWithTheSameBits) {
  const testing::TemporaryFolder folder;
  ASSERT_EQ(RunToEnd(folder.File("alone")), 0);

  const unsigned seed = std::random_device()();
  SCOPED_TRACE(absl::StrCat("seed ", seed));
  std::mt19937 random(seed);
  // Somewhere in the steps after the start, a state's writing and an epoch's validation among them.
  std::uniform_int_distribution<int> steps(1, 3);
  std::uniform_int_distribution<int> microseconds(0, 40'000);
  int kills = 0;
  for (; kills < 5; ++kills) {
    testing::Background run(kProgram, {folder.File("killed")});
    bool alive = true;
    for (int step = steps(random); step > 0 && alive; --step) alive = !run.WaitForLine("step ").empty();
    if (!alive) break;
    std::this_thread::sleep_for(std::chrono::microseconds(microseconds(random)));
    run.Send(SIGKILL);
    if (run.Wait() == 0) break;
  }
  ASSERT_GE(kills, 3) << "the run ended before it was killed";
  ASSERT_EQ(RunToEnd(folder.File("killed")), 0);
  EXPECT_EQ(NewestState(folder, "killed"), NewestState(folder, "alone"));
}

}  // namespace
}  // namespace bayespfl
