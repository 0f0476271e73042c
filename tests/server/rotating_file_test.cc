#include "server/telemetry/rotating_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>

#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

using ::testing::HasSubstr;

// Files of this process cannot grow beyond `bytes`, as if the disk were full; until the object is gone.
class SmallDisk {
 public:
  explicit SmallDisk(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{.rlim_cur = bytes, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallDisk() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;

 private:
  rlimit before_{};
  void (*handler_)(int);
};

// This process cannot open files until the object is gone.
class NoMoreDescriptors {
 public:
  NoMoreDescriptors() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const rlimit none{.rlim_cur = 0, .rlim_max = before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &none);
  }
  ~NoMoreDescriptors() { setrlimit(RLIMIT_NOFILE, &before_); }
  NoMoreDescriptors(const NoMoreDescriptors&) = delete;
  NoMoreDescriptors& operator=(const NoMoreDescriptors&) = delete;

 private:
  rlimit before_{};
};

class RotatingFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<RotatingFile> Open(int64_t max_bytes = 1000, int files = 3) {
    absl::StatusOr<std::unique_ptr<RotatingFile>> file =
        RotatingFile::Open({.path = path_, .max_bytes = max_bytes, .files = files});
    EXPECT_TRUE(file.ok()) << file.status();
    return *std::move(file);
  }

  std::string Content(const std::string& suffix = "") const {
    std::ifstream file(path_ + suffix, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  const testing::TemporaryFolder folder_;
  const std::string path_ = folder_.File("results");
};

TEST_F(RotatingFileTest, AppendsAlsoToWhatIsThere) {
  ASSERT_TRUE(Open()->Append("1\n").ok());
  const std::unique_ptr<RotatingFile> file = Open();

  ASSERT_TRUE(file->Append("2\n").ok());
  ASSERT_TRUE(file->Sync().ok());

  EXPECT_EQ(Content(), "1\n2\n");
}

TEST_F(RotatingFileTest, ALineThatWouldGoBeyondTheSizeBeginsANewFile) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/4);

  for (const char* line : {"1\n", "2\n", "3\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_EQ(Content(".1"), "1\n2\n");
  EXPECT_EQ(Content(), "3\n");
}

TEST_F(RotatingFileTest, KeepsSoManyFilesAndNoMore) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/3);

  for (const char* line : {"1\n", "2\n", "3\n", "4\n", "5\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_EQ(Content(), "5\n");
  EXPECT_EQ(Content(".1"), "4\n");
  EXPECT_EQ(Content(".2"), "3\n");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".3"));
}

TEST_F(RotatingFileTest, ALinkStaysAndItsTargetsFilesAreKeptBesideTheTarget) {
  const std::string target = folder_.File("large disk/lines");
  std::filesystem::create_directories(folder_.File("large disk"));
  std::filesystem::create_symlink("large disk/lines", path_);  // relative to the link, and not there yet
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/3);

  for (const char* line : {"1\n", "2\n", "3\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_EQ(Content(), "3\n");
  EXPECT_EQ(folder_.Read("large disk/lines"), "3\n");
  EXPECT_EQ(folder_.Read("large disk/lines.1"), "2\n");
  EXPECT_EQ(folder_.Read("large disk/lines.2"), "1\n");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(RotatingFileTest, ALinkThatIsTurnedElsewhereIsFollowedWithTheNextFile) {
  const std::string first = folder_.Write("first", "");
  std::filesystem::create_symlink(first, path_);
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/3);
  ASSERT_TRUE(file->Append("1\n").ok());
  std::filesystem::remove(path_);
  std::filesystem::create_symlink(folder_.File("second"), path_);

  ASSERT_TRUE(file->Append("2\n").ok());

  EXPECT_EQ(folder_.Read("first.1"), "1\n");
  EXPECT_EQ(folder_.Read("second"), "2\n");
}

TEST_F(RotatingFileTest, ALinkToADeviceIsWrittenToAsItIs) {
  std::filesystem::create_symlink("/dev/null", path_);
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/3);

  for (const char* line : {"1\n", "2\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_TRUE(std::filesystem::is_symlink(path_));
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

// The file or folder that a descriptor is of.
std::string NameOf(int descriptor) {
  return std::filesystem::read_symlink("/proc/self/fd/" + std::to_string(descriptor)).string();
}

TEST_F(RotatingFileTest, WhatGivesWayIsOnTheDiskAndTheNewNameToo) {
  std::vector<std::string> synced;
  const auto file = RotatingFile::Open({.path = path_, .max_bytes = 2, .durable = true, .sync = [&](int descriptor) {
                                          synced.push_back(NameOf(descriptor));
                                          return 0;
                                        }});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("1\n").ok());
  synced.clear();

  ASSERT_TRUE((*file)->Append("2\n").ok());

  EXPECT_THAT(synced, ::testing::ElementsAre(path_, folder_.path()));  // by their names at that moment
}

TEST_F(RotatingFileTest, AFileThatCannotBeSyncedDoesNotGiveWay) {
  bool disk_works = true;
  const auto file = RotatingFile::Open(
      {.path = path_, .max_bytes = 2, .durable = true, .sync = [&](int) { return disk_works ? 0 : -1; }});
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE((*file)->Append("1\n").ok());

  disk_works = false;
  EXPECT_FALSE((*file)->Append("2\n").ok());
  disk_works = true;
  EXPECT_TRUE((*file)->Append("3\n").ok());

  EXPECT_EQ(Content(".1"), "1\n");
  EXPECT_EQ(Content(), "3\n");
}

TEST_F(RotatingFileTest, OneFileBeginsAnew) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/1);

  for (const char* line : {"1\n", "2\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_EQ(Content(), "2\n");
  EXPECT_FALSE(std::filesystem::exists(path_ + ".1"));
}

TEST_F(RotatingFileTest, ALineLongerThanAFileHasOneOfItsOwn) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/4);

  for (const char* line : {"1\n", "a long line\n", "2\n"}) ASSERT_TRUE(file->Append(line).ok());

  EXPECT_EQ(Content(".2"), "1\n");
  EXPECT_EQ(Content(".1"), "a long line\n");
  EXPECT_EQ(Content(), "2\n");
}

TEST_F(RotatingFileTest, ALineThatACrashCutStaysAlone) {
  folder_.Write("results", "{\"half");

  ASSERT_TRUE(Open()->Append("{}\n").ok());

  EXPECT_EQ(Content(), "{\"half\n{}\n");
}

TEST_F(RotatingFileTest, WhenTheDiskIsFullNoHalfLineStays) {
  const std::unique_ptr<RotatingFile> file = Open();
  ASSERT_TRUE(file->Append("1\n").ok());
  {
    const SmallDisk disk(6);
    EXPECT_FALSE(file->Append("a long line\n").ok());
  }
  EXPECT_EQ(Content(), "1\n");

  EXPECT_TRUE(file->Append("2\n").ok()) << "there is room again";

  EXPECT_EQ(Content(), "1\n2\n");
}

TEST_F(RotatingFileTest, SaysThatTheDeviceIsFull) {
  const absl::StatusOr<std::unique_ptr<RotatingFile>> file = RotatingFile::Open({.path = "/dev/full"});
  ASSERT_TRUE(file.ok()) << file.status();

  const absl::Status status = (*file)->Append("1\n");

  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("/dev/full"));
}

TEST_F(RotatingFileTest, ARotationThatFailsIsTriedAgain) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2, /*files=*/2);
  ASSERT_TRUE(file->Append("1\n").ok());
  std::filesystem::create_directory(path_ + ".1");  // in the way

  EXPECT_FALSE(file->Append("2\n").ok());
  EXPECT_EQ(Content(), "1\n");
  std::filesystem::remove(path_ + ".1");

  EXPECT_TRUE(file->Append("3\n").ok());
  EXPECT_EQ(Content(".1"), "1\n");
  EXPECT_EQ(Content(), "3\n");
}

TEST_F(RotatingFileTest, TwoWritersDoNotShareAFile) {
  const std::unique_ptr<RotatingFile> file = Open();

  const auto second = RotatingFile::Open({.path = path_});

  EXPECT_EQ(second.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(second.status().message()), HasSubstr(path_));
}

TEST_F(RotatingFileTest, ManyWritersShareADevice) {
  const auto first = RotatingFile::Open({.path = "/dev/null"});
  const auto second = RotatingFile::Open({.path = "/dev/null"});

  EXPECT_TRUE(first.ok()) << first.status();
  EXPECT_TRUE(second.ok()) << second.status();
}

TEST_F(RotatingFileTest, AHalfLineThatCouldNotBeEndedStaysAloneLater) {
  const std::unique_ptr<RotatingFile> file = Open(/*max_bytes=*/2);
  ASSERT_TRUE(file->Append("1\n").ok());
  {
    const NoMoreDescriptors none;
    ASSERT_FALSE(file->Append("2\n").ok()) << "the rotation leaves no file open";
  }
  folder_.Write("results", "{\"half");
  {
    const SmallDisk disk(6);
    ASSERT_FALSE(file->Append("3\n").ok());
  }

  EXPECT_TRUE(file->Append("4\n").ok());

  EXPECT_EQ(Content(".1"), "{\"half\n");
  EXPECT_EQ(Content(), "4\n");
}

TEST_F(RotatingFileTest, NamesAFileThatCannotBeMade) {
  const auto file = RotatingFile::Open({.path = folder_.File("missing/results")});

  EXPECT_EQ(file.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(file.status().message()), HasSubstr("missing/results"));
}

}  // namespace
}  // namespace bayespfl::server
