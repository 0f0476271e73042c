#include "server/program/standard_descriptors.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <initializer_list>

#include "absl/status/status.h"

namespace bayespfl::server {
namespace {

// 0: these were given back, and what is opened next gets none of their numbers.
int ExitCodeOfAProcessWithout(const std::initializer_list<int>& closed) {
  for (const int descriptor : closed) close(descriptor);
  if (!KeepStandardDescriptors().ok()) return 1;
  for (const int descriptor : closed) {
    if (fcntl(descriptor, F_GETFD) < 0) return 2;
    if (write(descriptor, "lost\n", 5) != 5) return 3;
  }
  return open("/dev/null", O_RDONLY) > STDERR_FILENO ? 0 : 4;
}

TEST(StandardDescriptorsDeathTest, NoOtherFileGetsTheirNumbers) {
  EXPECT_EXIT(_exit(ExitCodeOfAProcessWithout({STDERR_FILENO})), ::testing::ExitedWithCode(0), "");
  EXPECT_EXIT(_exit(ExitCodeOfAProcessWithout({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})),
              ::testing::ExitedWithCode(0), "");
}

TEST(StandardDescriptorsDeathTest, ThoseThatAreOpenStayWhatTheyAre) {
  EXPECT_EXIT(
      {
        const bool kept = KeepStandardDescriptors().ok() && write(STDERR_FILENO, "still here\n", 11) == 11;
        _exit(kept ? 0 : 1);
      },
      ::testing::ExitedWithCode(0), "still here");
}

}  // namespace
}  // namespace bayespfl::server
