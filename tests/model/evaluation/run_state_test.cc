#include "model/evaluation/run_state.h"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;

constexpr int kSide = 2;

class RunStateTest : public ::testing::Test {
 protected:
  std::unique_ptr<RunState> Open(const std::string& identity = "model 1") const {
    auto state = RunState::Open(folder_, identity, kSide);
    EXPECT_TRUE(state.ok()) << state.status();
    return state.ok() ? *std::move(state) : nullptr;
  }
  static PixelMap Map(float value) { return {kSide, kSide, {value, 0.25F, 0.5F, 1}}; }
  // Two pictures, then the program ends.
  void PutTwo() const {
    const auto state = Open();
    EXPECT_TRUE(state->Put(0, {.score = 0.1F, .files_digest = "a"}, Map(0)).ok());
    EXPECT_TRUE(state->Put(1, {.score = 0.2F, .files_digest = "b"}, Map(1)).ok());
  }
  std::string ResultsFile() const { return folder_ / "results.jsonl"; }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.File("state");
};

TEST_F(RunStateTest, KeepsResultsForTheNextRun) {
  PutTwo();

  const auto state = Open();

  EXPECT_EQ(state->size(), 2U);
  const StoredScores* const scores = state->Find(1, "b");
  ASSERT_NE(scores, nullptr);
  EXPECT_EQ(scores->score, 0.2F);
  const auto map = state->LoadMap(1);
  ASSERT_TRUE(map.ok()) << map.status();
  EXPECT_EQ(map->values, Map(1).values);
  EXPECT_EQ(state->Find(7, "b"), nullptr);
  EXPECT_EQ(state->dropped(), 0);
}

TEST_F(RunStateTest, ResultsOfOtherFilesAreDropped) {
  PutTwo();

  const auto state = Open();

  EXPECT_EQ(state->Find(1, "another file"), nullptr);
  EXPECT_EQ(state->dropped(), 1);
}

TEST_F(RunStateTest, AnotherIdentityStartsAnewAndSaysSo) {
  PutTwo();

  const auto state = Open("model 2");

  EXPECT_EQ(state->size(), 0U);
  EXPECT_FALSE(state->notes().empty());
}

TEST_F(RunStateTest, ACutLineIsDroppedAndTheRestStays) {
  PutTwo();
  fs::resize_file(ResultsFile(), fs::file_size(ResultsFile()) - 5);

  const auto state = Open();

  EXPECT_NE(state->Find(0, "a"), nullptr);
  EXPECT_EQ(state->Find(1, "b"), nullptr);
  // What is appended next is a line of its own.
  ASSERT_TRUE(state->Put(1, {.score = 0.3F, .files_digest = "b"}, Map(1)).ok());
}

TEST_F(RunStateTest, AfterACutLineTheNextRunReadsEverything) {
  PutTwo();
  fs::resize_file(ResultsFile(), fs::file_size(ResultsFile()) - 5);
  ASSERT_TRUE(Open()->Put(1, {.score = 0.3F, .files_digest = "b"}, Map(1)).ok());

  const auto state = Open();

  EXPECT_NE(state->Find(0, "a"), nullptr);
  ASSERT_NE(state->Find(1, "b"), nullptr);
  EXPECT_EQ(state->Find(1, "b")->score, 0.3F);
}

TEST_F(RunStateTest, AChangedByteOfALineIsNoticed) {
  PutTwo();
  {
    std::fstream file(ResultsFile(), std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(25);
    file.put('~');
  }

  const auto state = Open();

  EXPECT_EQ(state->Find(0, "a"), nullptr);
  EXPECT_NE(state->Find(1, "b"), nullptr);
}

TEST_F(RunStateTest, AChangedMapIsNoticed) {
  PutTwo();
  for (const auto& entry : fs::directory_iterator(folder_ / "maps")) {
    std::fstream file(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
    file.put('\x01');
  }

  const auto state = Open();

  EXPECT_EQ(state->Find(0, "a"), nullptr);
  EXPECT_EQ(state->Find(1, "b"), nullptr);
  EXPECT_EQ(state->dropped(), 2);
}

TEST_F(RunStateTest, ASecondRunInTheSameFolderIsRefused) {
  const auto state = Open();

  EXPECT_EQ(RunState::Open(folder_, "model 1", kSide).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(RunStateTest, RemoveLeavesNothing) {
  PutTwo();

  EXPECT_TRUE(Open()->Remove().ok());

  EXPECT_FALSE(fs::exists(folder_));
}

}  // namespace
}  // namespace bayespfl
