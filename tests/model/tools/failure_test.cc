#include "model/tools/failure.h"

#include "gtest/gtest.h"

namespace bayespfl {
namespace {

TEST(FailTest, SaysWhyAndReturnsOne) {
  ::testing::internal::CaptureStderr();

  const int exit_code = Fail("no picture in the folder Prüfung");

  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "bayespfl-model: no picture in the folder Prüfung\n");
  EXPECT_EQ(exit_code, 1);
}

TEST(FailTest, KeepsTheLinesOfAList) {
  ::testing::internal::CaptureStderr();

  Fail("2 pictures cannot be read:\n  a.png\n  b.png");

  EXPECT_EQ(::testing::internal::GetCapturedStderr(), "bayespfl-model: 2 pictures cannot be read:\n  a.png\n  b.png\n");
}

TEST(FailTest, EscapesWhatATerminalWouldObey) {
  ::testing::internal::CaptureStderr();

  Fail("tensor \x1b]0;owned\x07 has no elements\r");

  EXPECT_EQ(::testing::internal::GetCapturedStderr(),
            "bayespfl-model: tensor \\x1b]0;owned\\x07 has no elements\\x0d\n");
}

}  // namespace
}  // namespace bayespfl
