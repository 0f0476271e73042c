#include "model/synthetic/write_set.h"

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "model/training_data/training_set.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl::synthetic {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

namespace fs = std::filesystem;

SetOptions Small() {
  return {
      .families = {FindFamily("nut"), FindFamily("wood")}, .good = 2, .anomalous = 3, .seed = 9, .scene = {.side = 64}};
}

// Every file of a folder with its bytes.
std::map<std::string, std::string> Files(const testing::TemporaryFolder& folder, const std::string& name) {
  std::map<std::string, std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder.File(name))) {
    if (!entry.is_regular_file()) continue;
    const std::string file = fs::relative(entry.path(), folder.path()).string();
    files[file.substr(name.size())] = folder.Read(file);
  }
  return files;
}

TEST(WriteSetTest, WritesASetThatTrainingTakes) {
  const testing::TemporaryFolder folder;
  std::vector<int64_t> done;
  const absl::Status status = WriteSet(folder.File("set"), Small(), [&](int64_t count, int64_t total) {
    EXPECT_EQ(total, 10);
    done.push_back(count);
  });
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_THAT(done, ElementsAre(1, 2, 3, 4, 5, 6, 7, 8, 9, 10));

  const auto set = OpenTrainingSet({{.path = folder.File("set")}}, {}, nullptr);

  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ(set->normal, 4);
  EXPECT_EQ(set->anomalous, 6);
  EXPECT_THAT(set->bad, IsEmpty());
  EXPECT_EQ(set->items.front().item.category, "nut");
  EXPECT_EQ(set->items.back().item.category, "wood");
}

TEST(WriteSetTest, GivesTheSameBytesFromAnyNumberOfThreads) {
  const testing::TemporaryFolder folder;
  SetOptions options = Small();
  ASSERT_TRUE(WriteSet(folder.File("one"), options, nullptr).ok());
  options.threads = 3;
  ASSERT_TRUE(WriteSet(folder.File("two"), options, nullptr).ok());
  EXPECT_EQ(Files(folder, "one"), Files(folder, "two"));
}

TEST(WriteSetTest, AFamilysPicturesDoNotHangOnTheOthers) {
  const testing::TemporaryFolder folder;
  SetOptions options = Small();
  ASSERT_TRUE(WriteSet(folder.File("both"), options, nullptr).ok());
  options.families = {FindFamily("wood")};
  ASSERT_TRUE(WriteSet(folder.File("wood"), options, nullptr).ok());
  const auto both = Files(folder, "both");
  for (const auto& [name, bytes] : Files(folder, "wood")) EXPECT_EQ(both.at(name), bytes) << name;
}

TEST(WriteSetTest, SeedsAndEpochsGiveOtherScenes) {
  const Family& family = *FindFamily("nut");
  const uint32_t word = SceneDraws(1, family, 0, 0).Word();
  EXPECT_NE(word, SceneDraws(2, family, 0, 0).Word());
  EXPECT_NE(word, SceneDraws(1, family, 1, 0).Word());
  EXPECT_NE(word, SceneDraws(1, family, 0, 1).Word());
  EXPECT_NE(word, SceneDraws(1, *FindFamily("gear"), 0, 0).Word());
}

TEST(WriteSetTest, WritesNothingIntoAFolderThatHoldsSomething) {
  const testing::TemporaryFolder folder;
  folder.Write("set/notes.txt", "mine");
  EXPECT_EQ(WriteSet(folder.File("set"), Small(), nullptr).code(), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(Files(folder, "set").size(), 1U);
}

}  // namespace
}  // namespace bayespfl::synthetic
