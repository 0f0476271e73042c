// Who gets a share of the memory for work, and who waits.
#include "server/pipeline/working_memory.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

class WorkingMemoryTest : public ::testing::Test {
 protected:
  ~WorkingMemoryTest() override {
    for (std::thread& thread : threads_) thread.join();
  }

  // Takes a share on a thread of its own, and gives it back when the test says so.
  void TakeAside(int64_t bytes) {
    threads_.emplace_back([this, bytes] {
      ++asking_;
      const WorkingMemory::Share share = memory_.Take(bytes);
      ++given_;
      while (!done_) std::this_thread::yield();
    });
    EXPECT_TRUE(Eventually([this] { return asking_ == threads_.size(); }));
  }

  std::atomic<int64_t> taken_{0};  // as it was told
  WorkingMemory memory_{/*max_bytes=*/100, [this](int64_t change) { taken_ += change; }};
  std::atomic<size_t> asking_{0};
  std::atomic<int> given_{0};
  std::atomic<bool> done_{false};
  std::vector<std::thread> threads_;
};

TEST_F(WorkingMemoryTest, GivesSharesUpToItsSize) {
  const WorkingMemory::Share first = memory_.Take(60);
  {
    const WorkingMemory::Share second = memory_.Take(40);
    EXPECT_EQ(taken_, 100);
  }
  EXPECT_EQ(taken_, 60);
}

TEST_F(WorkingMemoryTest, WhoeverFindsNoRoomWaitsForOthersToBeDone) {
  {
    const WorkingMemory::Share first = memory_.Take(60);
    TakeAside(41);
    EXPECT_EQ(given_, 0);
    EXPECT_EQ(taken_, 60);
  }

  EXPECT_TRUE(Eventually([this] { return given_ == 1; }));
  EXPECT_EQ(taken_, 41);
  done_ = true;
}

TEST_F(WorkingMemoryTest, MoreThanThereIsIsGivenToOneAlone) {
  {
    const WorkingMemory::Share first = memory_.Take(1);
    TakeAside(1000);
    EXPECT_EQ(given_, 0);
  }

  EXPECT_TRUE(Eventually([this] { return taken_ == 1000; }));
  done_ = true;
}

TEST_F(WorkingMemoryTest, NobodyWaitsForNothing) {
  const WorkingMemory::Share first = memory_.Take(1000);

  const WorkingMemory::Share nothing = memory_.Take(0);

  EXPECT_EQ(taken_, 1000);
}

TEST_F(WorkingMemoryTest, AShareThatWasMovedIsGivenBackOnce) {
  {
    WorkingMemory::Share share = memory_.Take(10);
    const WorkingMemory::Share moved = std::move(share);
    EXPECT_EQ(taken_, 10);
  }

  EXPECT_EQ(taken_, 0);
}

}  // namespace
}  // namespace bayespfl::server
