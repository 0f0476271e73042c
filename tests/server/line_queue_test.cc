#include "server/telemetry/line_queue.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;
using ::testing::ElementsAre;

constexpr seconds kPatience(30);      // of the tests that are not about it
constexpr size_t kPipeBytes = 65536;  // of which every write takes a page

class LineQueueTest : public ::testing::Test {
 protected:
  LineQueueTest() {
    std::signal(SIGPIPE, SIG_IGN);
    EXPECT_EQ(pipe2(ends_, O_CLOEXEC), 0);
    EXPECT_EQ(fcntl(ends_[1], F_SETPIPE_SZ, kPipeBytes), static_cast<int>(kPipeBytes));
  }
  ~LineQueueTest() override {
    CloseReader();
    CloseWriter();
  }

  static LineQueueOptions Options(size_t max_bytes = size_t{1} << 20) {
    return {.max_bytes = max_bytes, .loss_line = [](uint64_t lines) { return absl::StrCat(lines, " lost\n"); }};
  }

  int writer() const { return ends_[1]; }
  void CloseReader() { Close(ends_[0]); }
  void CloseWriter() { Close(ends_[1]); }

  // From now on the pipe takes nothing, until Drain() has read it empty.
  void Fill() const { ASSERT_EQ(write(ends_[1], std::string(kPipeBytes, 'x').data(), kPipeBytes), kPipeBytes); }
  void Drain() const {
    std::string bytes(kPipeBytes, '\0');
    ASSERT_EQ(read(ends_[0], bytes.data(), kPipeBytes), kPipeBytes);
  }

  // What comes out of the pipe, up to its end or to `bytes`.
  std::string Read(size_t bytes = std::string::npos) const {
    std::string text;
    std::string piece(kPipeBytes, '\0');
    while (text.size() < bytes) {
      const ssize_t got = read(ends_[0], piece.data(), piece.size());
      if (got <= 0) break;
      text.append(piece, 0, static_cast<size_t>(got));
    }
    return text;
  }

 private:
  static void Close(int& descriptor) {
    if (descriptor >= 0) close(descriptor);
    descriptor = -1;
  }

  int ends_[2] = {-1, -1};
};

TEST_F(LineQueueTest, WritesLinesInTheirOrder) {
  LineQueue queue(Options());
  for (int i = 0; i < 3; ++i) queue.Push(writer(), absl::StrCat(i, "\n"), LineWeight::kOrdinary);

  EXPECT_TRUE(queue.Flush(kPatience));
  CloseWriter();
  EXPECT_EQ(Read(), "0\n1\n2\n");
  EXPECT_EQ(queue.dropped(), 0);
  EXPECT_EQ(queue.pending_bytes(), 0);
}

TEST_F(LineQueueTest, WritesWhatWaitsWhenItEnds) {
  std::thread reader;
  std::string read;
  {
    LineQueue queue(Options());
    Fill();
    for (int i = 0; i < 3; ++i) queue.Push(writer(), absl::StrCat(i, "\n"), LineWeight::kOrdinary);
    reader = std::thread([&] { read = Read(kPipeBytes + 6); });
    EXPECT_TRUE(queue.Close(kPatience));
  }
  reader.join();

  EXPECT_EQ(read.substr(kPipeBytes), "0\n1\n2\n");
}

TEST_F(LineQueueTest, WritesLinesThatAreLongerThanThePipe) {
  const std::string line = absl::StrCat(std::string(3 * kPipeBytes, 'y'), "\n");
  LineQueue queue(Options());
  queue.Push(writer(), line, LineWeight::kOrdinary);

  EXPECT_EQ(Read(line.size()), line);
}

// ---- A pipe that nobody reads --------------------------------------------------------------------------------------

TEST_F(LineQueueTest, APipeThatNobodyReadsHoldsUpNobody) {
  Fill();
  const auto begin = steady_clock::now();
  {
    LineQueue queue(Options(1000));
    for (int i = 0; i < 1000; ++i) queue.Push(writer(), "line\n", LineWeight::kImportant);
    EXPECT_FALSE(queue.Flush(milliseconds(1)));
    EXPECT_LE(queue.pending_bytes(), 1000);
    EXPECT_GE(queue.dropped(), 980);
    EXPECT_FALSE(queue.Close(milliseconds(1)));
    EXPECT_EQ(queue.dropped(), 1000);
  }
  EXPECT_LT(steady_clock::now() - begin, kPatience);
}

// Ten ordinary lines of 70 bytes, with what they take besides, are three quarters of a thousand.
TEST_F(LineQueueTest, TellsHowManyLinesWereDroppedWhereTheyWouldHaveStood) {
  Fill();
  LineQueue queue(Options(1000));
  for (int i = 0; i < 15; ++i) queue.Push(writer(), absl::StrCat("l", 100 + i, "\n"), LineWeight::kOrdinary);
  EXPECT_EQ(queue.dropped(), 5);
  Drain();
  EXPECT_TRUE(queue.Flush(kPatience));
  queue.Push(writer(), "after\n", LineWeight::kOrdinary);

  const std::string text = Read(10 * 5 + 7 + 6);

  EXPECT_EQ(text, "l100\nl101\nl102\nl103\nl104\nl105\nl106\nl107\nl108\nl109\n5 lost\nafter\n");
  EXPECT_EQ(queue.dropped(), 5);
}

TEST_F(LineQueueTest, KeepsRoomForImportantLines) {
  Fill();
  LineQueue queue(Options(1000));
  for (int i = 0; i < 20; ++i) queue.Push(writer(), "line\n", LineWeight::kOrdinary);
  queue.Push(writer(), "error\n", LineWeight::kImportant);
  queue.Push(writer(), "line\n", LineWeight::kOrdinary);
  Drain();
  EXPECT_TRUE(queue.Close(kPatience));
  CloseWriter();

  std::vector<std::string> lines = absl::StrSplit(Read(), '\n', absl::SkipEmpty());
  EXPECT_EQ(queue.dropped(), 11);
  ASSERT_EQ(lines.size(), 13);
  EXPECT_THAT(std::vector(lines.begin() + 9, lines.end()), ElementsAre("line", "10 lost", "error", "1 lost"));
}

// ---- Lines that cannot be written ----------------------------------------------------------------------------------

TEST_F(LineQueueTest, CountsWhatNobodyCanReadAnyMore) {
  LineQueue queue(Options());
  CloseReader();
  for (uint64_t i = 1; i <= 3; ++i) {
    queue.Push(writer(), "line\n", LineWeight::kOrdinary);
    EXPECT_TRUE(queue.Flush(kPatience));
    EXPECT_EQ(queue.dropped(), i) << "a line about lost lines is none of them";
  }
}

TEST_F(LineQueueTest, CountsWhatTheDiskHasNoRoomFor) {
  const int full = open("/dev/full", O_WRONLY | O_CLOEXEC);
  ASSERT_GE(full, 0);
  LineQueue queue(Options());
  queue.Push(full, "line\n", LineWeight::kOrdinary);
  EXPECT_TRUE(queue.Flush(kPatience));
  queue.Push(writer(), "line\n", LineWeight::kOrdinary);

  EXPECT_EQ(Read(5), "line\n");
  EXPECT_EQ(queue.dropped(), 1);
  EXPECT_TRUE(queue.Close(kPatience));
  close(full);
}

TEST_F(LineQueueTest, TakesNoLineAfterItsEnd) {
  LineQueue queue(Options());
  EXPECT_TRUE(queue.Close(kPatience));
  queue.Push(writer(), "line\n", LineWeight::kImportant);
  EXPECT_TRUE(queue.Close(kPatience));
  CloseWriter();

  EXPECT_EQ(Read(), "");
  EXPECT_EQ(queue.dropped(), 1);
}

// ---- Several threads -----------------------------------------------------------------------------------------------

TEST_F(LineQueueTest, LinesOfSeveralThreadsAreWholeAndInEachThreadsOrder) {
  constexpr int kThreads = 4;
  constexpr int kLines = 1000;
  std::string text;
  std::thread reader([&] { text = Read(); });
  LineQueue queue(Options());
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&queue, thread, descriptor = writer()] {
      for (int i = 0; i < kLines; ++i) {
        queue.Push(descriptor, absl::StrCat(thread, " ", i, " end\n"), LineWeight::kOrdinary);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(queue.Flush(kPatience));
  CloseWriter();
  reader.join();

  std::vector<int> next(kThreads, 0);
  for (const absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    ASSERT_TRUE(absl::EndsWith(line, " end")) << line;
    const auto thread = static_cast<size_t>(line[0] - '0');
    ASSERT_LT(thread, next.size());
    ASSERT_EQ(line, absl::StrCat(thread, " ", next[thread]++, " end"));
  }
  EXPECT_THAT(next, ElementsAre(kLines, kLines, kLines, kLines));
}

}  // namespace
}  // namespace bayespfl::server
