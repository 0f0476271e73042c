#include "model/package/undoable_file.h"

#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class UndoableFileTest : public ::testing::Test {
 protected:
  absl::Status Write(const std::string& content) {
    return ChangeFile(file_, [&](const std::optional<std::string>&) { return content; });
  }
  std::string Content(const std::string& suffix = "") const {
    return fs::exists(file_ + suffix) ? temporary_.Read("f" + suffix) : "(none)";
  }
  std::set<std::string> Names() const {
    std::set<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) names.insert(entry.path().filename());
    return names;
  }

  const testing::TemporaryFolder temporary_;
  const fs::path folder_ = temporary_.path();
  const std::string file_ = folder_ / "f";
};

TEST_F(UndoableFileTest, KeepsTheContentBeforeTheLastChange) {
  ASSERT_TRUE(Write("one").ok());
  EXPECT_EQ(Content(".previous"), "(none)");
  ASSERT_TRUE(Write("two").ok());
  ASSERT_TRUE(Write("three").ok());

  EXPECT_EQ(Content(), "three");
  EXPECT_EQ(Content(".previous"), "two");
  EXPECT_THAT(Names(), ElementsAre("f", "f.lock", "f.previous"));
}

TEST_F(UndoableFileTest, TheSameContentTouchesNothing) {
  ASSERT_TRUE(Write("one").ok());
  ASSERT_TRUE(Write("two").ok());
  const fs::file_time_type before = fs::last_write_time(file_);

  ASSERT_TRUE(Write("two").ok());

  EXPECT_EQ(Content(".previous"), "one");
  EXPECT_EQ(fs::last_write_time(file_), before);
}

TEST_F(UndoableFileTest, UndoRestoresAndASecondUndoTakesThatBack) {
  ASSERT_TRUE(Write("one").ok());
  ASSERT_TRUE(Write("two").ok());

  EXPECT_EQ(UndoFileChange(file_).value(), Undone::kRestored);
  EXPECT_EQ(Content(), "one");
  EXPECT_EQ(UndoFileChange(file_).value(), Undone::kRestored);
  EXPECT_EQ(Content(), "two");
  EXPECT_EQ(Content(".previous"), "one");
}

TEST_F(UndoableFileTest, UndoOfTheFirstChangeRemovesTheFileAndASecondUndoBringsItBack) {
  ASSERT_TRUE(Write("one").ok());

  EXPECT_EQ(UndoFileChange(file_).value(), Undone::kRemoved);
  EXPECT_EQ(Content(), "(none)");
  EXPECT_EQ(UndoFileChange(file_).value(), Undone::kRestored);
  EXPECT_EQ(Content(), "one");
  EXPECT_EQ(Content(".previous"), "(none)");
}

TEST_F(UndoableFileTest, AChangeAfterAnUndoneFirstOneIsAFirstChangeAgain) {
  ASSERT_TRUE(Write("one").ok());
  ASSERT_TRUE(UndoFileChange(file_).ok());

  ASSERT_TRUE(Write("two").ok());

  EXPECT_EQ(UndoFileChange(file_).value(), Undone::kRemoved);
}

TEST_F(UndoableFileTest, UndoWithoutAnyChangeIsAnError) {
  const absl::StatusOr<Undone> undone = UndoFileChange(file_);
  EXPECT_EQ(undone.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(undone.status().message()), HasSubstr("nothing to undo"));
}

TEST_F(UndoableFileTest, AnErrorOfTheChangeLeavesEverything) {
  ASSERT_TRUE(Write("one").ok());
  const absl::Status status = ChangeFile(file_, [](const std::optional<std::string>& current) {
    return absl::StatusOr<std::string>(absl::DataLossError(current.value_or("")));
  });
  EXPECT_EQ(status, absl::DataLossError("one"));
  EXPECT_EQ(Content(), "one");
}

TEST_F(UndoableFileTest, WhatCannotBeWrittenLeavesTheOldFileAndItsWayBack) {
  ASSERT_TRUE(Write("one").ok());
  ASSERT_TRUE(Write("two").ok());
  fs::create_directories(folder_ / "f.tmp" / "in the way");

  const absl::Status changed = Write("three");
  const absl::Status undone = UndoFileChange(file_).status();

  EXPECT_FALSE(changed.ok());
  EXPECT_FALSE(undone.ok());
  EXPECT_THAT(std::string(changed.message()), HasSubstr("f.tmp"));
  EXPECT_EQ(Content(), "two");
  EXPECT_EQ(Content(".previous"), "one");
}

// The new content does not fit, the old one does: as on a full disk, in the middle of a change.
TEST_F(UndoableFileTest, ADiskThatFillsUpLeavesTheOldFileItsWayBackAndNoPart) {
  ASSERT_TRUE(Write("one").ok());
  ASSERT_TRUE(Write("two").ok());
  rlimit limit{};
  ASSERT_EQ(getrlimit(RLIMIT_FSIZE, &limit), 0);
  const rlimit old = limit;
  auto* const handler = std::signal(SIGXFSZ, SIG_IGN);
  limit.rlim_cur = 100;
  ASSERT_EQ(setrlimit(RLIMIT_FSIZE, &limit), 0);

  const absl::Status status = Write(std::string(5000, 'x'));

  setrlimit(RLIMIT_FSIZE, &old);
  std::signal(SIGXFSZ, handler);
  EXPECT_FALSE(status.ok());
  EXPECT_EQ(Content(), "two");
  EXPECT_EQ(Content(".previous"), "one");
  EXPECT_THAT(Names(), ElementsAre("f", "f.lock", "f.previous"));
}

TEST_F(UndoableFileTest, AFolderThatIsMissingIsNamed) {
  const absl::Status status =
      ChangeFile((folder_ / "none" / "f").string(), [](const std::optional<std::string>&) { return std::string("x"); });
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none/f.lock"));
}

TEST_F(UndoableFileTest, ChangesAtTheSameTimeDoNotLoseEachOther) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this] {
      for (int i = 0; i < 10; ++i) {
        const absl::Status status =
            ChangeFile(file_, [](const std::optional<std::string>& current) { return current.value_or("") + "x"; });
        EXPECT_TRUE(status.ok()) << status;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Content(), std::string(40, 'x'));
}

}  // namespace
}  // namespace bayespfl
