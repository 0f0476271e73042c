#include "model/bench/resident_memory.h"

#include <cstddef>
#include <memory>

#include "gtest/gtest.h"
#include "tests/support/temporary_folder.h"

namespace bayespfl {
namespace {

constexpr size_t kBlock = size_t{64} << 20U;
constexpr auto kSlack = int64_t{8} << 20;  // the kernel counts in batches

// Every page of a block, which is gone when it returns.
void TouchBlock() {
  constexpr size_t kPage = 4096;
  const std::unique_ptr<char[]> block(new char[kBlock]);
  volatile char* const bytes = block.get();
  for (size_t i = 0; i < kBlock; i += kPage) bytes[i] = 'x';
}

TEST(MemoryWatchTest, SeesWhatIsGoneAgain) {
  MemoryWatch watch;
  const std::optional<int64_t> growth = watch.PeakGrowth(TouchBlock);
  if (!growth.has_value()) GTEST_SKIP() << "the kernel does not set the peak back";
  EXPECT_NEAR(static_cast<double>(*growth), static_cast<double>(kBlock), static_cast<double>(kSlack));
}

TEST(MemoryWatchTest, AnEarlierPeakIsNotTheNextOnes) {
  MemoryWatch watch;
  watch.PeakGrowth(TouchBlock);
  const std::optional<int64_t> growth = watch.PeakGrowth([] {});
  if (!growth.has_value()) GTEST_SKIP() << "the kernel does not set the peak back";
  EXPECT_LT(*growth, kSlack);
}

TEST(MemoryWatchTest, TheHighestIsNotForgotten) {
  MemoryWatch watch;
  watch.PeakGrowth(TouchBlock);
  const std::optional<int64_t> highest = watch.Highest();
  ASSERT_TRUE(highest.has_value());
  watch.PeakGrowth([] {});
  EXPECT_GE(*watch.Highest(), *highest);
  EXPECT_GT(*highest, static_cast<int64_t>(kBlock));
}

TEST(ReadResidentMemoryTest, ReadsWhatTheKernelSays) {
  const testing::TemporaryFolder folder;
  folder.Write("self/status", "Name:\tbench\nVmPeak:\t  99 kB\nVmHWM:\t  20 kB\nVmRSS:\t  10 kB\nThreads:\t1\n");
  const std::optional<ResidentMemory> memory = ReadResidentMemory(folder.path());
  ASSERT_TRUE(memory.has_value());
  EXPECT_EQ(memory->now, 10 * 1024);
  EXPECT_EQ(memory->peak, 20 * 1024);
}

TEST(ReadResidentMemoryTest, AKernelThatDoesNotSayIsNoZero) {
  const testing::TemporaryFolder folder;
  EXPECT_FALSE(ReadResidentMemory(folder.path()).has_value());
  folder.Write("self/status", "Name:\tbench\nVmRSS:\t  10 kB\n");
  EXPECT_FALSE(ReadResidentMemory(folder.path()).has_value());
}

}  // namespace
}  // namespace bayespfl
