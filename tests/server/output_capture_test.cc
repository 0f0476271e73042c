#include "server/telemetry/output_capture.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

class OutputCaptureTest : public ::testing::Test {
 protected:
  ~OutputCaptureTest() override {
    for (const int descriptor : descriptors_) close(descriptor);
  }

  std::unique_ptr<OutputCapture> Start() {
    absl::StatusOr<std::unique_ptr<OutputCapture>> capture =
        OutputCapture::Start(descriptors_, [this](absl::string_view line) { lines_.emplace_back(line); });
    EXPECT_TRUE(capture.ok()) << capture.status();
    return *std::move(capture);
  }

  static void Write(int descriptor, const std::string& text) {
    ASSERT_EQ(write(descriptor, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  }

  static bool IsPipe(int descriptor) {
    struct stat about = {};
    EXPECT_EQ(fstat(descriptor, &about), 0);
    return S_ISFIFO(about.st_mode);
  }

  const std::vector<int> descriptors_ = {open("/dev/null", O_WRONLY | O_CLOEXEC),
                                         open("/dev/null", O_WRONLY | O_CLOEXEC)};
  std::vector<std::string> lines_;
};

TEST_F(OutputCaptureTest, TakesTheLinesOfAllDescriptors) {
  std::unique_ptr<OutputCapture> capture = Start();
  Write(descriptors_[0], "one\n\ntw");
  Write(descriptors_[0], "o\n");
  Write(descriptors_[1], "without an end");
  capture.reset();

  EXPECT_THAT(lines_, ElementsAre("one", "two", "without an end"));
}

TEST_F(OutputCaptureTest, TakesLongLinesInPieces) {
  std::unique_ptr<OutputCapture> capture = Start();
  Write(descriptors_[0], absl::StrCat(std::string(2 * kMaxCapturedLineBytes + 1, 'x'), "\nnext\n"));
  capture.reset();

  EXPECT_THAT(lines_, ElementsAre(SizeIs(kMaxCapturedLineBytes), SizeIs(kMaxCapturedLineBytes), "x", "next"));
}

TEST_F(OutputCaptureTest, HandsALineOverWhileItGoesOn) {
  std::promise<std::string> first;
  absl::StatusOr<std::unique_ptr<OutputCapture>> capture =
      OutputCapture::Start(descriptors_, [&first](absl::string_view line) { first.set_value(std::string(line)); });
  ASSERT_TRUE(capture.ok()) << capture.status();
  Write(descriptors_[0], "now\n");

  EXPECT_EQ(first.get_future().get(), "now");
}

TEST_F(OutputCaptureTest, LetsTheDescriptorsLeadWhereTheyLedBefore) {
  std::unique_ptr<OutputCapture> capture = Start();
  EXPECT_TRUE(IsPipe(descriptors_[0]));
  capture.reset();

  EXPECT_FALSE(IsPipe(descriptors_[0]));
  EXPECT_FALSE(IsPipe(descriptors_[1]));
}

TEST_F(OutputCaptureTest, ADescriptorThatIsClosedIsAnError) {
  const absl::StatusOr<std::unique_ptr<OutputCapture>> capture =
      OutputCapture::Start({descriptors_[0], 999'999}, [](absl::string_view /*line*/) {});

  EXPECT_FALSE(capture.ok());
  EXPECT_FALSE(IsPipe(descriptors_[0]));
}

}  // namespace
}  // namespace bayespfl::server
