#include "client/cpp/progress.h"

#include <sstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace bayespfl::client {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;

TEST(ProgressTest, WritesNothingWhenInvisible) {
  std::ostringstream stream;
  {
    Progress progress(stream, 2, false);
    progress.Advance();
    progress.Clear();
    progress.Advance();
  }

  EXPECT_EQ(stream.str(), "");
}

TEST(ProgressTest, CountsFrames) {
  std::ostringstream stream;
  Progress progress(stream, 2, true);

  progress.Advance();
  EXPECT_THAT(stream.str(), HasSubstr("[############............] 1/2 "));
  progress.Advance();
  EXPECT_THAT(stream.str(), HasSubstr("[########################] 2/2 "));
}

TEST(ProgressTest, DrawsAgainAfterOtherOutput) {
  std::ostringstream stream;
  Progress progress(stream, 1000, true);

  progress.Advance();
  progress.Clear();
  EXPECT_THAT(stream.str(), EndsWith("\r\x1b[K"));
  progress.Advance();

  EXPECT_THAT(stream.str(), HasSubstr("2/1000"));
}

TEST(ProgressTest, RedrawsRarely) {
  std::ostringstream stream;
  Progress progress(stream, 100000, true);

  for (int i = 0; i < 1000; ++i) progress.Advance();

  EXPECT_LT(stream.str().size(), 50000U);  // a drawing each would be above
}

TEST(ProgressTest, LeavesNoBarBehind) {
  std::ostringstream stream;
  {
    Progress(stream, 1, true).Advance();
  }

  EXPECT_THAT(stream.str(), EndsWith("\r\x1b[K"));
}

}  // namespace
}  // namespace bayespfl::client
