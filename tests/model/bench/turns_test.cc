#include "model/bench/turns.h"

#include <string>

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

// Each thing takes a second, on a clock that nobody waits for.
struct Recorder {
  absl::Time now() const { return time; }
  absl::Status Run(size_t thing) {
    order += static_cast<char>('A' + thing);
    time += absl::Seconds(1);
    return order == fails_after ? absl::InternalError("broken") : absl::OkStatus();
  }
  absl::StatusOr<int> RunAll(size_t things, const TurnLimits& limits) {
    return RunInTurns(things, limits, [this] { return now(); }, [this](size_t thing) { return Run(thing); });
  }

  absl::Time time = absl::UnixEpoch();
  std::string order;
  std::string fails_after = "never";
};

TEST(RunInTurnsTest, EverythingHasItsTurnBeforeAnythingHasTheNext) {
  Recorder recorder;
  EXPECT_EQ(*recorder.RunAll(3, {.turns = 3}), 3);
  EXPECT_EQ(recorder.order, "ABCABCABC");
}

TEST(RunInTurnsTest, ATurnThatHasBegunIsWhole) {
  Recorder recorder;
  EXPECT_EQ(*recorder.RunAll(3, {.turns = 9, .time = absl::Seconds(4)}), 2);
  EXPECT_EQ(recorder.order, "ABCABC");
}

TEST(RunInTurnsTest, TheFirstTurnRunsWhateverTheTime) {
  Recorder recorder;
  EXPECT_EQ(*recorder.RunAll(2, {.turns = 9, .time = absl::ZeroDuration()}), 1);
  EXPECT_EQ(recorder.order, "AB");
}

TEST(RunInTurnsTest, TheFirstErrorEndsIt) {
  Recorder recorder;
  recorder.fails_after = "ABAB";
  EXPECT_EQ(recorder.RunAll(2, {.turns = 9}).status(), absl::InternalError("broken"));
  EXPECT_EQ(recorder.order, "ABAB");
}

}  // namespace
}  // namespace bayespfl
