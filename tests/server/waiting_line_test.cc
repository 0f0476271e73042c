#include "server/pipeline/waiting_line.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "tests/server/until.h"

namespace bayespfl::server {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Optional;

constexpr nanoseconds kNoDelay(0);
constexpr size_t kAnyBytes = SIZE_MAX;

// Places are ranked by `rank` seconds after an arbitrary moment.
Place At(uint64_t id, int rank = 0) { return {.id = id, .rank = SteadyTime() + seconds(rank)}; }

void Put(WaitingLine<std::string>& line, const Place& place, std::string item) { ASSERT_TRUE(line.Push(place, item)); }

// Pushes items 0, 1, ..., each with its number as id, from another thread, while `leave(number)` takes each one out
// again. Returns the most that were inside at once: a line that lets a pusher in too early is soon seen with more than
// it has room for.
template <typename BytesOf, typename Leave>
size_t MostInside(WaitingLine<std::string>& line, BytesOf bytes_of, Leave leave) {
  constexpr uint64_t kItems = 1000;
  std::thread pusher([&] {
    for (uint64_t i = 0; i < kItems; ++i) {
      Place place = At(i);
      place.bytes = bytes_of(i);
      Put(line, place, "x");
    }
  });
  size_t most = 0;
  for (uint64_t i = 0; i < kItems; ++i) {
    EXPECT_TRUE(Eventually([&line] { return line.size() > 0; }));
    most = std::max(most, line.size());
    leave(i);
  }
  pusher.join();
  return most;
}

TEST(WaitingLineTest, ServesTheSmallestRankFirstAndEqualRanksInOrder) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1, 5), "late");
  Put(line, At(2, 1), "first");
  Put(line, At(3, 5), "later");
  Put(line, At(4, 2), "second");

  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("first", "second", "late", "later"));
}

TEST(WaitingLineTest, TakesNoMoreThanAskedFor) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1), "a");
  Put(line, At(2), "b");
  Put(line, At(3), "c");

  EXPECT_THAT(line.Take(2, kNoDelay), ElementsAre("a", "b"));
  EXPECT_EQ(line.size(), 1U);
}

TEST(WaitingLineTest, TakesOnlyOneGroupTogether) {
  WaitingLine<std::string> line(8, kAnyBytes);
  const int model_a = 0;
  const int model_b = 0;
  const auto in = [](Place place, const void* group) {
    place.group = group;
    return place;
  };
  Put(line, in(At(1), &model_a), "a1");
  Put(line, in(At(2), &model_b), "b1");
  Put(line, in(At(3), &model_a), "a2");

  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("a1", "a2"));
  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("b1"));
}

// Items that may not be taken with too many others: each is its number of those, itself included.
class LineOfWaryItemsTest : public ::testing::Test {
 protected:
  void Put(const std::vector<size_t>& most_together) {
    for (const size_t most : most_together) {
      Place place = At(id_++);
      place.most_together = most;
      std::string item = std::to_string(most);
      ASSERT_TRUE(line_.Push(place, item));
    }
  }

  WaitingLine<std::string> line_{16, kAnyBytes};
  uint64_t id_ = 0;
};

TEST_F(LineOfWaryItemsTest, TheSmallestNumberAmongThemCounts) {
  Put({3, 9, 9, 9});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("3", "9", "9"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("9"));
}

TEST_F(LineOfWaryItemsTest, OneThatMustBeAloneIsLeftOutOrTakenAlone) {
  Put({9, 1, 9, 1});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("9", "9"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("1"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("1"));
}

TEST_F(LineOfWaryItemsTest, OneThatCannotJoinThoseBeforeItWaits) {
  Put({9, 9, 2, 9});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("9", "9", "9"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("2"));
}

TEST_F(LineOfWaryItemsTest, NobodyLingersForABatchThatMayNotGrow) {
  Put({2, 9, 9});

  EXPECT_THAT(line_.Take(4, hours(1)), ElementsAre("2", "9"));
}

// Items of different costs, of which those that are taken together may cost 10: each is its cost.
class LineOfCostlyItemsTest : public ::testing::Test {
 protected:
  void Put(const std::vector<size_t>& costs) {
    for (const size_t cost : costs) {
      Place place = At(id_++);
      place.cost = cost;
      place.most_cost = 10;
      std::string item = std::to_string(cost);
      ASSERT_TRUE(line_.Push(place, item));
    }
  }

  WaitingLine<std::string> line_{16, kAnyBytes};
  uint64_t id_ = 0;
};

TEST_F(LineOfCostlyItemsTest, ThoseThatAreTakenTogetherCostNoMoreThanTheyMay) {
  Put({4, 5, 1, 1});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("4", "5", "1"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("1"));
}

TEST_F(LineOfCostlyItemsTest, OneThatCostsTooMuchForTheRestIsFirstTheNextTime) {
  Put({4, 7, 6});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("4", "6"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("7"));
}

TEST_F(LineOfCostlyItemsTest, OneThatCostsMoreThanAllMayIsTakenAlone) {
  Put({64, 1});

  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("64"));
  EXPECT_THAT(line_.Take(9, kNoDelay), ElementsAre("1"));
}

TEST_F(LineOfCostlyItemsTest, NobodyLingersForABatchThatCostsAllItMay) {
  Put({6, 4});

  EXPECT_THAT(line_.Take(9, hours(1)), ElementsAre("6", "4"));
}

TEST(WaitingLineTest, PushWaitsForAPlace) {
  WaitingLine<std::string> line(2, kAnyBytes);

  const size_t most = MostInside(
      line, [](uint64_t) { return size_t{0}; },
      [&](uint64_t) { EXPECT_THAT(line.Take(1, kNoDelay), ElementsAre("x")); });

  EXPECT_LE(most, 2U);
}

TEST(WaitingLineTest, PushWaitsForBytesButASingleItemAlwaysFits) {
  WaitingLine<std::string> line(8, 100);

  const size_t most = MostInside(
      line, [](uint64_t id) { return id % 2 == 0 ? size_t{1000} : size_t{51}; },
      [&](uint64_t) { EXPECT_THAT(line.Take(1, kNoDelay), ElementsAre("x")); });

  EXPECT_EQ(most, 1U);
}

TEST(WaitingLineTest, RoomThatIsTooSmallForOneIsFilledByAnother) {
  WaitingLine<std::string> line(8, 10);
  Place place = At(1);
  place.bytes = 6;
  Put(line, place, "stays");
  place = At(2);
  place.bytes = 4;
  Put(line, place, "leaves");
  const auto push = [&line](uint64_t id, size_t bytes) {
    Place own = At(id);
    own.bytes = bytes;
    std::string item = "x";
    (void)line.Push(own, item);
  };
  std::thread large(push, 3, 8);
  std::thread small(push, 4, 4);
  EXPECT_TRUE(line.Remove(2).has_value());

  small.join();
  EXPECT_EQ(line.size(), 2U);
  line.Close();
  large.join();
}

// Often enough that the pushers do wait before there is room.
TEST(WaitingLineTest, RoomForSeveralIsFilledBySeveral) {
  for (int round = 0; round < 100; ++round) {
    WaitingLine<std::string> line(8, 10);
    Place whole = At(0);
    whole.bytes = 10;
    Put(line, whole, "leaves");
    std::atomic<int> started{0};
    std::vector<std::thread> pushers;
    for (uint64_t id = 1; id <= 3; ++id) {
      pushers.emplace_back([&line, &started, id] {
        Place place = At(id);
        place.bytes = 3;
        ++started;
        Put(line, place, "x");
      });
    }
    EXPECT_TRUE(Eventually([&started] { return started == 3; }));
    EXPECT_TRUE(line.Remove(0).has_value());
    for (std::thread& pusher : pushers) pusher.join();

    ASSERT_EQ(line.size(), 3U);
  }
}

TEST(WaitingLineTest, WhoComesBackNeedsNoRoom) {
  WaitingLine<std::string> line(1, kAnyBytes);
  Put(line, At(2), "b");
  std::string item = "a";

  ASSERT_TRUE(line.PushBack(At(1), item));
  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("a", "b"));
}

TEST(WaitingLineTest, AnItemCanLeaveFromTheMiddle) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1), "a");
  Put(line, At(2), "b");
  Put(line, At(3), "c");

  EXPECT_THAT(line.Remove(2), Optional(std::string("b")));
  EXPECT_EQ(line.Remove(2), std::nullopt);
  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("a", "c"));
}

TEST(WaitingLineTest, LeavingMakesRoom) {
  WaitingLine<std::string> line(1, kAnyBytes);

  const size_t most = MostInside(
      line, [](uint64_t) { return size_t{0}; }, [&](uint64_t id) { EXPECT_TRUE(line.Remove(id).has_value()); });

  EXPECT_EQ(most, 1U);
}

TEST(WaitingLineTest, RemovesWhatAPredicateSays) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1), "a");
  Put(line, At(2), "b");
  Put(line, At(3), "c");

  EXPECT_THAT(line.RemoveIf([](const Place& place, const std::string& item) { return place.id == 1 || item == "c"; }),
              ElementsAre("a", "c"));
  EXPECT_THAT(line.Take(9, kNoDelay), ElementsAre("b"));
}

TEST(WaitingLineTest, KnowsTheEarliestDeadline) {
  WaitingLine<std::string> line(8, kAnyBytes);
  EXPECT_EQ(line.NextDeadline(), SteadyTime::max());
  Put(line, At(1), "no deadline");
  const SteadyTime soon = SteadyTime() + seconds(7);
  Put(line, {.id = 2, .rank = SteadyTime(), .deadline = soon + seconds(1)}, "b");
  Put(line, {.id = 3, .rank = SteadyTime(), .deadline = soon}, "c");

  EXPECT_EQ(line.NextDeadline(), soon);
}

TEST(WaitingLineTest, AnIdleTakerGetsAnItemAtOnceWhateverTheDelay) {
  WaitingLine<std::string> line(8, kAnyBytes);
  const int mine = 0;
  const int other = 0;
  Place of_the_other = At(1);
  of_the_other.group = &other;
  Put(line, of_the_other, "other");
  std::atomic<bool> looked{false};
  std::vector<std::string> taken;
  std::thread taker([&] {
    taken = line.Take(4, hours(1), [&](const void* group) {
      looked = true;
      return group == &mine;
    });
  });
  EXPECT_TRUE(Eventually([&looked] { return looked.load(); }));  // it found nothing: nobody was busy
  Place of_mine = At(2);
  of_mine.group = &mine;
  Put(line, of_mine, "a");
  taker.join();

  EXPECT_THAT(taken, ElementsAre("a"));
}

TEST(WaitingLineTest, AnItemGoesToAnIdleTakerThatAcceptsIt) {
  WaitingLine<std::string> line(8, kAnyBytes);
  const int mine = 0;
  std::thread picky([&] { EXPECT_THAT(line.Take(1, kNoDelay, [](const void*) { return false; }), IsEmpty()); });
  std::vector<std::string> taken;
  std::thread taker([&] { taken = line.Take(1, kNoDelay, [&](const void* group) { return group == &mine; }); });
  Place place = At(1);
  place.group = &mine;
  Put(line, place, "a");
  taker.join();
  line.Close();
  picky.join();

  EXPECT_THAT(taken, ElementsAre("a"));
}

TEST(WaitingLineTest, ATakerThatAcceptsLessThanWhenItWasWokenLeavesTheItemToAnother) {
  WaitingLine<std::string> line(8, kAnyBytes);
  std::atomic<int> idle{0};
  // Accepts nothing when it looks itself, and everything when others ask.
  std::thread fickle([&] {
    const auto own = std::this_thread::get_id();
    const auto accepts = [&, own](const void* /*group*/) { return std::this_thread::get_id() != own; };
    EXPECT_THAT(line.Take(1, kNoDelay, accepts), IsEmpty());
  });
  std::vector<std::string> taken;
  std::thread taker([&] {
    ++idle;
    taken = line.Take(1, kNoDelay);
  });
  EXPECT_TRUE(Eventually([&] { return idle == 1; }));
  Put(line, At(1), "a");
  taker.join();
  line.Close();
  fickle.join();

  EXPECT_THAT(taken, ElementsAre("a"));
}

TEST(WaitingLineTest, ABusyTakerWaitsForABatchToFill) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1), "a");  // came while the taker was busy
  std::vector<std::string> taken;
  std::thread taker([&] { taken = line.Take(2, hours(1)); });
  Put(line, At(2), "b");
  taker.join();

  EXPECT_THAT(taken, ElementsAre("a", "b"));
}

TEST(WaitingLineTest, ABusyTakerWaitsNoLongerThanTheDelaySinceTheFirstCame) {
  WaitingLine<std::string> line(8, kAnyBytes);
  Put(line, At(1), "a");
  const auto start = std::chrono::steady_clock::now();

  EXPECT_THAT(line.Take(2, milliseconds(30)), ElementsAre("a"));
  EXPECT_GE(std::chrono::steady_clock::now() - start, milliseconds(29));
}

TEST(WaitingLineTest, GivesWhatIsInsideAfterClosingAndThenNothing) {
  WaitingLine<std::string> line(4, kAnyBytes);
  Put(line, At(1), "a");
  line.Close();
  std::string item = "b";

  EXPECT_FALSE(line.Push(At(2), item));
  EXPECT_FALSE(line.PushBack(At(2), item));
  EXPECT_EQ(item, "b");
  EXPECT_THAT(line.Take(9, hours(1)), ElementsAre("a"));
  EXPECT_THAT(line.Take(9, kNoDelay), IsEmpty());
}

TEST(WaitingLineTest, ClosingWakesThoseWhoWait) {
  WaitingLine<std::string> line(1, kAnyBytes);
  std::thread taker([&] { EXPECT_THAT(line.Take(1, kNoDelay), IsEmpty()); });
  line.Close();
  taker.join();
}

TEST(WaitingLineTest, NothingIsLostOrDoubledAmongManyThreads) {
  constexpr int kPushers = 4;
  constexpr int kEach = 2000;
  WaitingLine<int> line(7, kAnyBytes);
  std::vector<std::atomic<int>> seen(kPushers * kEach);
  std::vector<std::thread> takers;
  takers.reserve(3);
  for (int t = 0; t < 3; ++t) {
    takers.emplace_back([&] {
      for (;;) {
        const std::vector<int> taken = line.Take(3, std::chrono::microseconds(50));
        if (taken.empty()) return;
        for (const int item : taken) ++seen[static_cast<size_t>(item)];
      }
    });
  }
  std::vector<std::thread> pushers;
  pushers.reserve(kPushers);
  for (int p = 0; p < kPushers; ++p) {
    pushers.emplace_back([&, p] {
      for (int i = 0; i < kEach; ++i) {
        int item = p * kEach + i;
        ASSERT_TRUE(line.Push(At(static_cast<uint64_t>(item), i), item));
        if (i % 7 == 0) {
          if (const auto removed = line.Remove(static_cast<uint64_t>(p * kEach + i)))
            ++seen[static_cast<size_t>(*removed)];
        }
      }
    });
  }
  for (std::thread& pusher : pushers) pusher.join();
  EXPECT_TRUE(Eventually([&] { return line.size() == 0; }));
  line.Close();
  for (std::thread& taker : takers) taker.join();

  for (const std::atomic<int>& count : seen) EXPECT_EQ(count.load(), 1);
}

}  // namespace
}  // namespace bayespfl::server
