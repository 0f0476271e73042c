// Whether freed memory goes back to the system.
#include "server/runtime/memory_trimmer.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

constexpr size_t kBlock = 64 << 10;  // bytes; malloc() takes it from the heap
constexpr size_t kBlocks = 3000;
constexpr auto kHeld = static_cast<int64_t>(kBlock * kBlocks);

using Blocks = std::vector<std::unique_ptr<std::vector<char>>>;

// Takes blocks and frees all but every thirtieth, between which malloc() keeps the others.
Blocks LeaveHolesInTheHeap(size_t count = kBlocks) {
  Blocks blocks;
  for (size_t i = 0; i < count; ++i) blocks.push_back(std::make_unique<std::vector<char>>(kBlock, 'x'));
  for (size_t i = 0; i < count; ++i) {
    if (i % 30 != 0) blocks[i].reset();
  }
  return blocks;
}

class MemoryTrimmerTest : public ::testing::Test {
 protected:
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  void SetUp() override { GTEST_SKIP() << "the sanitizer brings a malloc() of its own"; }
#endif

  MemoryTrimmerOptions Options() {
    return {.quiet =
                [this] {
                  ++looks_;
                  return quiet_.load();
                },
            .interval = std::chrono::milliseconds(5),
            .rest = rest_,
            .least_growth = kHeld / 4};
  }

  std::chrono::milliseconds rest_{0};
  std::atomic<bool> quiet_{true};
  std::atomic<int> looks_{0};
};

TEST_F(MemoryTrimmerTest, GivesBackWhatWasFreedWhenNobodyIsServed) {
  quiet_ = false;  // else it may look half-way, and the rest is too little for another time
  const int64_t before = ResidentBytes();
  const MemoryTrimmer trimmer(Options());
  const Blocks blocks = LeaveHolesInTheHeap();

  quiet_ = true;

  EXPECT_TRUE(Eventually([&] { return ResidentBytes() < before + kHeld / 4; })) << ResidentBytes() - before;
}

TEST_F(MemoryTrimmerTest, LeavesTheHeapAloneWhileSomebodyIsServed) {
  quiet_ = false;
  const int64_t before = ResidentBytes();
  const MemoryTrimmer trimmer(Options());

  const Blocks blocks = LeaveHolesInTheHeap();
  const int looks = looks_;
  EXPECT_TRUE(Eventually([&] { return looks_ >= looks + 5; }));

  EXPECT_GT(ResidentBytes(), before + kHeld / 2);
}

TEST_F(MemoryTrimmerTest, RestsBetweenTwoTimes) {
  rest_ = std::chrono::hours(1);
  quiet_ = false;
  const int64_t before = ResidentBytes();
  const MemoryTrimmer trimmer(Options());
  const Blocks first = LeaveHolesInTheHeap();
  quiet_ = true;
  ASSERT_TRUE(Eventually([&] { return ResidentBytes() < before + kHeld / 4; }));

  const Blocks second = LeaveHolesInTheHeap();
  const int looks = looks_;
  EXPECT_TRUE(Eventually([&] { return looks_ >= looks + 5; }));

  EXPECT_GT(ResidentBytes(), before + kHeld / 2);
}

// Pages that the kernel has to find for a few maps of a frame.
int64_t FaultsOfAFrame() {
  constexpr size_t kMap = 4 << 20;
  constexpr int kMaps = 6;
  rusage before{};
  getrusage(RUSAGE_THREAD, &before);
  {
    std::vector<std::vector<char>> maps;
    for (int i = 0; i < kMaps; ++i) maps.emplace_back(kMap, 'x');
  }
  rusage after{};
  getrusage(RUSAGE_THREAD, &after);
  return after.ru_minflt - before.ru_minflt;
}

TEST_F(MemoryTrimmerTest, LeavesTheMemoryOfAFrameForTheNextOne) {
  quiet_ = false;
  const MemoryTrimmer trimmer(Options());
  const int64_t first = FaultsOfAFrame();

  EXPECT_GT(first, 1000);
  EXPECT_LT(FaultsOfAFrame(), 100);
  EXPECT_LT(FaultsOfAFrame(), 100);
}

// The row "what malloc() keeps between blocks in use" of docs/operations.md.
TEST_F(MemoryTrimmerTest, LeavesNoMoreThanThePagePromises) {
  constexpr int64_t kPromised = int64_t{64} << 20;
  constexpr size_t kSomeBlocks = 1400;  // 88 MiB
  quiet_ = false;
  const int64_t before = ResidentBytes();
  const MemoryTrimmer trimmer({.quiet = [this] { return quiet_.load(); }, .interval = std::chrono::milliseconds(5)});
  const Blocks blocks = LeaveHolesInTheHeap(kSomeBlocks);
  ASSERT_GT(ResidentBytes(), before + kPromised);

  quiet_ = true;

  EXPECT_TRUE(Eventually([&] { return ResidentBytes() < before + kPromised; })) << ResidentBytes() - before;
}

}  // namespace
}  // namespace bayespfl::server
