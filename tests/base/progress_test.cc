#include "base/progress.h"

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

#include "absl/strings/str_split.h"
#include "absl/time/time.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace bayespfl {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kEraseLine[] = "\r\x1b[K";

class ProgressTest : public ::testing::Test {
 protected:
  Progress::Options Options(int64_t total, bool terminal) {
    return {.what = "pictures", .total = total, .terminal = terminal, .now = [this] { return now_; }};
  }
  // What was written since the last call.
  std::string Written() {
    std::string text = stream_.str();
    stream_.str("");
    return text;
  }

  std::ostringstream stream_;
  absl::Time now_ = absl::UnixEpoch();
};

// ---- a terminal ----------------------------------------------------------------------------------------------------

TEST_F(ProgressTest, ATerminalShowsABarWithSpeedAndTimeLeft) {
  Progress progress(stream_, Options(4, true));
  now_ += absl::Seconds(2);
  progress.Advance(/*fresh=*/true);
  EXPECT_EQ(Written(), std::string(kEraseLine) + "pictures [######..................] 1/4  0.50/s  0:06 left");
}

TEST_F(ProgressTest, SpeedAndTimeLeftWaitForTheFirstFreshPart) {
  Progress progress(stream_, Options(4, true));
  now_ += absl::Seconds(1);
  progress.Advance(/*fresh=*/false);
  EXPECT_EQ(Written(), std::string(kEraseLine) + "pictures [######..................] 1/4");
}

TEST_F(ProgressTest, PartsOfAnEarlierRunDoNotCountAsSpeed) {
  Progress progress(stream_, Options(10, true));
  for (int i = 0; i < 4; ++i) progress.Advance(/*fresh=*/false);
  now_ += absl::Seconds(1);
  progress.Advance(/*fresh=*/true);
  EXPECT_THAT(Written(), HasSubstr("5/10  1.00/s  0:05 left"));
}

TEST_F(ProgressTest, FastWorkShowsWholePartsASecond) {
  Progress progress(stream_, Options(100, true));
  now_ += absl::Milliseconds(50);
  progress.Advance(/*fresh=*/true);
  EXPECT_THAT(Written(), HasSubstr("1/100  20/s  0:05 left"));
}

TEST_F(ProgressTest, TimeLeftHasHours) {
  Progress progress(stream_, Options(4000, true));
  now_ += absl::Seconds(1);
  progress.Advance(/*fresh=*/true);
  EXPECT_THAT(Written(), HasSubstr("1.00/s  1:06:39 left"));
}

TEST_F(ProgressTest, RedrawsAtMostEvery100MsButAlwaysTheLastPart) {
  Progress progress(stream_, Options(4, true));
  progress.Advance(true);
  EXPECT_THAT(Written(), HasSubstr(" 1/4"));
  now_ += absl::Milliseconds(99);
  progress.Advance(true);
  EXPECT_EQ(Written(), "");
  now_ += absl::Milliseconds(1);
  progress.Advance(true);
  EXPECT_THAT(Written(), HasSubstr(" 3/4"));
  progress.Advance(true);
  EXPECT_THAT(Written(), HasSubstr("[########################] 4/4"));
}

TEST_F(ProgressTest, ClearTakesTheBarAwayAndTheNextPartDrawsItAgainAtOnce) {
  Progress progress(stream_, Options(4, true));
  progress.Advance(true);
  Written();
  progress.Clear();
  EXPECT_EQ(Written(), kEraseLine);
  progress.Clear();
  EXPECT_EQ(Written(), "");
  progress.Advance(true);
  EXPECT_THAT(Written(), HasSubstr(" 2/4"));
}

TEST_F(ProgressTest, ItsEndTakesTheBarAway) {
  {
    Progress progress(stream_, Options(1, true));
    progress.Advance(true);
    Written();
  }
  EXPECT_EQ(Written(), kEraseLine);
}

// ---- elsewhere -----------------------------------------------------------------------------------------------------

TEST_F(ProgressTest, AFileGetsALineForEvery5Percent) {
  {
    Progress progress(stream_, Options(60, false));
    for (int i = 0; i < 60; ++i) progress.Advance(/*fresh=*/false);
  }
  const std::string text = Written();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 20);
  EXPECT_THAT(text,
              AllOf(::testing::StartsWith("pictures 3/60 (5 %)\npictures 6/60 (10 %)\n"),
                    ::testing::EndsWith("pictures 60/60 (100 %)\n"), Not(HasSubstr("\x1b")), Not(HasSubstr("\r"))));
}

TEST_F(ProgressTest, AFileGetsALineForEveryPartOfAFew) {
  Progress progress(stream_, Options(3, false));
  for (int i = 0; i < 3; ++i) {
    now_ += absl::Seconds(1);
    progress.Advance(/*fresh=*/true);
  }
  EXPECT_THAT(std::vector<std::string>(absl::StrSplit(Written(), '\n')),
              ElementsAre("pictures 1/3 (33 %)  1.00/s  0:02 left", "pictures 2/3 (66 %)  1.00/s  0:01 left",
                          "pictures 3/3 (100 %)  1.00/s  0:00 left", ""));
}

TEST_F(ProgressTest, WritesNothingIntoAFileWhenItIsForTerminalsOnly) {
  {
    Progress progress(stream_, {.what = "pictures", .total = 2, .terminal = false, .only_on_terminal = true});
    progress.Advance();
    progress.Clear();
    progress.Advance();
  }
  EXPECT_EQ(Written(), "");
}

TEST_F(ProgressTest, ForTerminalsOnlyATerminalShowsTheBar) {
  Progress progress(stream_, {.what = "pictures", .total = 2, .terminal = true, .only_on_terminal = true});
  progress.Advance();
  EXPECT_THAT(Written(), HasSubstr("pictures [############............] 1/2"));
}

TEST_F(ProgressTest, ClearWritesNothingIntoAFile) {
  Progress progress(stream_, Options(1, false));
  progress.Advance(true);
  Written();
  progress.Clear();
  EXPECT_EQ(Written(), "");
}

TEST_F(ProgressTest, WorkWithoutPartsIsNoDivisionByZero) {
  Progress progress(stream_, Options(0, false));
  progress.Advance(true);
  EXPECT_THAT(Written(), HasSubstr("1/1 (100 %)"));
}

}  // namespace
}  // namespace bayespfl
