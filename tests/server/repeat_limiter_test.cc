#include "server/telemetry/repeat_limiter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>

namespace bayespfl::server {
namespace {

using std::chrono::seconds;
using ::testing::Eq;
using ::testing::Optional;

class RepeatLimiterTest : public ::testing::Test {
 protected:
  RepeatLimits Limits() {
    return {.max_lines = 2, .window = seconds(10), .max_keys = 3, .clock = [this] { return now_; }};
  }

  std::chrono::steady_clock::time_point now_ = std::chrono::steady_clock::time_point() + seconds(1000);
  RepeatLimiter limiter_{Limits()};
};

TEST_F(RepeatLimiterTest, LeavesOutWhatComesTooOftenAndCountsIt) {
  EXPECT_THAT(limiter_.Admit("a"), Optional(0));
  EXPECT_THAT(limiter_.Admit("a"), Optional(0));
  EXPECT_THAT(limiter_.Admit("a"), Eq(std::nullopt));
  EXPECT_THAT(limiter_.Admit("a"), Eq(std::nullopt));
  now_ += seconds(10);

  EXPECT_THAT(limiter_.Admit("a"), Optional(2));
  EXPECT_THAT(limiter_.Admit("a"), Optional(0));
}

TEST_F(RepeatLimiterTest, AWindowLastsToItsEnd) {
  limiter_.Admit("a");
  limiter_.Admit("a");
  now_ += std::chrono::milliseconds(9999);

  EXPECT_THAT(limiter_.Admit("a"), Eq(std::nullopt));
}

TEST_F(RepeatLimiterTest, KeysDoNotDisturbEachOther) {
  limiter_.Admit("a");
  limiter_.Admit("a");

  EXPECT_THAT(limiter_.Admit("b"), Optional(0));
}

TEST_F(RepeatLimiterTest, KeysAboveTheBoundCountAsOne) {
  for (const char* key : {"a", "b", "c"}) limiter_.Admit(key);

  EXPECT_THAT(limiter_.Admit("d"), Optional(0));
  EXPECT_THAT(limiter_.Admit("e"), Optional(0));
  EXPECT_THAT(limiter_.Admit("f"), Eq(std::nullopt));
  EXPECT_THAT(limiter_.Admit("a"), Optional(0)) << "a key that is known keeps its own window";
}

TEST_F(RepeatLimiterTest, KeysThatAreSilentMakeRoom) {
  for (const char* key : {"a", "b", "c"}) limiter_.Admit(key);
  now_ += seconds(10);
  limiter_.Admit("d");
  limiter_.Admit("d");

  EXPECT_THAT(limiter_.Admit("d"), Eq(std::nullopt));
  EXPECT_THAT(limiter_.Admit("e"), Optional(0)) << "d and e share no window";
}

TEST_F(RepeatLimiterTest, SilentKeysMakeRoomAlsoWhenTheyOweACount) {
  for (const char* key : {"a", "b", "c"}) {
    for (int i = 0; i < 3; ++i) limiter_.Admit(key);  // one of them is left out
  }
  now_ += seconds(10);
  limiter_.Admit("d");
  limiter_.Admit("d");

  EXPECT_THAT(limiter_.Admit("d"), Eq(std::nullopt));
  EXPECT_THAT(limiter_.Admit("e"), Optional(0)) << "d and e share no window";
  limiter_.Admit("f");
  EXPECT_THAT(limiter_.Admit("the rest"), Optional(3)) << "what a, b and c owed";
}

}  // namespace
}  // namespace bayespfl::server
