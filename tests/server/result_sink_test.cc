#include "server/telemetry/result_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/temporary_folder.h"

namespace bayespfl::server {
namespace {

// A file in memory that can be made slow or full.
class FakeFile final : public LineFile {
 public:
  absl::Status Append(absl::string_view line) override {
    MutexLock lock(mu_);
    ++appends_;
    changed_.NotifyAll();
    while (held_) changed_.Wait(mu_);
    if (full_) return absl::ResourceExhaustedError("no space left on device");
    lines_.emplace_back(line);
    return absl::OkStatus();
  }
  absl::Status Sync() override {
    MutexLock lock(mu_);
    ++syncs_;
    changed_.NotifyAll();
    return absl::OkStatus();
  }

  // From now on Append() waits, until Hold(false).
  void Hold(bool held) {
    MutexLock lock(mu_);
    held_ = held;
    changed_.NotifyAll();
  }
  void SetFull(bool full) {
    MutexLock lock(mu_);
    full_ = full;
  }
  void WaitForAppends(int count) {
    MutexLock lock(mu_);
    while (appends_ < count) changed_.Wait(mu_);
  }
  void WaitForSyncs(int count) {
    MutexLock lock(mu_);
    while (syncs_ < count) changed_.Wait(mu_);
  }
  int syncs() {
    MutexLock lock(mu_);
    return syncs_;
  }
  std::vector<std::string> lines() {
    MutexLock lock(mu_);
    return lines_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  int appends_ ABSL_GUARDED_BY(mu_) = 0;
  int syncs_ ABSL_GUARDED_BY(mu_) = 0;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  bool full_ ABSL_GUARDED_BY(mu_) = false;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class ResultSinkTest : public ::testing::Test {
 protected:
  void Start(ResultSinkOptions options) {
    options.on_line = [this](ResultLine what) {
      MutexLock lock(mu_);
      ++counts_[what];
    };
    options.on_queue_bytes = [this](int64_t change) {
      MutexLock lock(mu_);
      queue_bytes_ += change;
    };
    LogOptions log;
    log.format = "json";
    log.write = [this](absl::string_view line) {
      MutexLock lock(mu_);
      log_lines_.push_back(nlohmann::json::parse(line));
    };
    auto file = std::make_unique<FakeFile>();
    file_ = file.get();
    sink_ = std::make_unique<ResultSink>(std::move(options), std::move(file), *CreateLogger(std::move(log)));
  }

  FrameRecord Frame(const std::string& id = "frame 1") const {
    return {.call = call_,
            .name = {.camera_id = "line 3", .frame_id = id, .part_id = "part 1"},
            .category = "metal nut",
            .status = absl::OkStatus(),
            .finding = FrameFinding{.model = "demo",
                                    .model_version = "1.0",
                                    .seed = 18446744073709551615U,
                                    .score = 0.9F,
                                    .map_score = 0.1F,
                                    .score_threshold = 0.5F,
                                    .mask_threshold = 0.25F,
                                    .mask_area_pixels = 12,
                                    .mask_area_fraction = 0.125},
            .seconds = 0.5};
  }

  static CallRecord Call() {
    CallRecord call;
    call.request_id = "order-17";
    return call;
  }

  int64_t count(ResultLine what) {
    MutexLock lock(mu_);
    return counts_[what];
  }
  int64_t queue_bytes() {
    MutexLock lock(mu_);
    return queue_bytes_;
  }
  std::vector<nlohmann::json> log_lines() {
    MutexLock lock(mu_);
    return log_lines_;
  }

  const CallRecord call_ = Call();
  Mutex mu_;
  std::map<ResultLine, int64_t> counts_ ABSL_GUARDED_BY(mu_);
  int64_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<nlohmann::json> log_lines_ ABSL_GUARDED_BY(mu_);
  FakeFile* file_ = nullptr;  // the sink's
  std::unique_ptr<ResultSink> sink_;
};

TEST_F(ResultSinkTest, ALineHoldsWhatWasFound) {
  EXPECT_EQ(
      FormatResultLine(Frame(), absl::FromUnixMillis(1'700'000'000'007)),
      R"({"time":"2023-11-14T22:13:20.007Z","camera_id":"line 3","frame_id":"frame 1","part_id":"part 1",)"
      R"("category":"metal nut","code":"OK","model":"demo","model_version":"1.0","seed":18446744073709551615,"score":0.9,)"
      R"("map_score":0.1,"score_threshold":0.5,"mask_threshold":0.25,"mask_area_pixels":12,)"
      R"("mask_area_fraction":0.125,"seconds":0.5,"request_id":"order-17"})");
}

TEST_F(ResultSinkTest, AFailedFramesLineHasTheSameKeys) {
  FrameRecord frame = Frame();
  frame.status = absl::DeadlineExceededError("late");
  frame.finding.reset();

  const auto line = nlohmann::json::parse(FormatResultLine(frame, absl::Now()));

  EXPECT_EQ(line["code"], "DEADLINE_EXCEEDED");
  EXPECT_TRUE(line["score"].is_null());
  EXPECT_TRUE(line["seed"].is_null());
  EXPECT_EQ(line.size(), nlohmann::json::parse(FormatResultLine(Frame(), absl::Now())).size());
}

TEST_F(ResultSinkTest, WhatAClientSentStaysWithinItsLine) {
  FrameRecord frame = Frame();
  frame.name.camera_id = "a\n\"b\xFF";

  const std::string line = FormatResultLine(frame, absl::Now());

  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["camera_id"], "a\n\"b\uFFFD");
}

TEST_F(ResultSinkTest, WritesLinesInOrder) {
  Start({});

  sink_->Write(Frame("1"));
  sink_->Write(Frame("2"));
  sink_->Flush();

  ASSERT_EQ(file_->lines().size(), 2);
  EXPECT_EQ(nlohmann::json::parse(file_->lines()[0])["frame_id"], "1");
  EXPECT_EQ(nlohmann::json::parse(file_->lines()[1])["frame_id"], "2");
  EXPECT_EQ(count(ResultLine::kWritten), 2);
  EXPECT_EQ(queue_bytes(), 0);
}

TEST_F(ResultSinkTest, ASlowDiskNeverHoldsAFrameUpAndCostsLines) {
  const size_t line = FormatResultLine(Frame(), absl::Now()).size() + 1;
  Start({.max_queue_bytes = 2 * line});
  file_->Hold(true);
  sink_->Write(Frame());
  file_->WaitForAppends(1);  // the writer has it, and waits for the disk

  for (int i = 0; i < 5; ++i) sink_->Write(Frame());

  EXPECT_EQ(count(ResultLine::kDropped), 3);
  EXPECT_EQ(queue_bytes(), static_cast<int64_t>(2 * line));
  ASSERT_FALSE(log_lines().empty());
  EXPECT_EQ(log_lines()[0]["code"], "RESOURCE_EXHAUSTED");
  file_->Hold(false);
  sink_->Flush();
  EXPECT_EQ(file_->lines().size(), 3);
}

TEST_F(ResultSinkTest, AFullDiskIsCountedAndSaidButNotForEveryLine) {
  Start({.error_lines = {.max_lines = 1}});
  file_->SetFull(true);

  for (int i = 0; i < 5; ++i) sink_->Write(Frame());
  sink_->Flush();

  EXPECT_EQ(count(ResultLine::kFailed), 5);
  EXPECT_EQ(log_lines().size(), 1);
  file_->SetFull(false);
  sink_->Write(Frame());
  sink_->Flush();
  EXPECT_EQ(count(ResultLine::kWritten), 1) << "there is room again";
}

TEST_F(ResultSinkTest, NeverSyncsWhenToldSo) {
  Start({.fsync = FsyncPolicy::kNever});

  sink_->Write(Frame());
  sink_->Flush();

  EXPECT_EQ(file_->lines().size(), 1);
  EXPECT_EQ(file_->syncs(), 0);
}

TEST_F(ResultSinkTest, SyncsEveryRoundWhenToldSo) {
  Start({.fsync = FsyncPolicy::kAlways});

  sink_->Write(Frame());

  file_->WaitForSyncs(1);
  EXPECT_EQ(file_->lines().size(), 1);
}

TEST_F(ResultSinkTest, SyncsAfterTheIntervalWithoutFurtherLines) {
  Start({.fsync = FsyncPolicy::kInterval, .fsync_interval = std::chrono::milliseconds(1)});

  sink_->Write(Frame());

  file_->WaitForSyncs(1);
}

TEST_F(ResultSinkTest, AFlushDoesNotWaitForTheInterval) {
  Start({.fsync = FsyncPolicy::kInterval, .fsync_interval = std::chrono::hours(1)});
  sink_->Write(Frame());
  file_->WaitForAppends(1);
  EXPECT_EQ(file_->syncs(), 0);

  sink_->Flush();

  EXPECT_EQ(file_->syncs(), 1);
}

TEST_F(ResultSinkTest, TheEndWritesWhatWaits) {
  const testing::TemporaryFolder folder;
  {
    auto sink = ResultSink::Create({.file = {.path = folder.File("results")}}, SilentLogger());
    ASSERT_TRUE(sink.ok()) << sink.status();
    for (int i = 0; i < 100; ++i) (*sink)->Write(Frame(std::to_string(i)));
  }

  std::ifstream file(folder.File("results"));
  int lines = 0;
  for (std::string line; std::getline(file, line); ++lines) {
    EXPECT_EQ(nlohmann::json::parse(line)["frame_id"], std::to_string(lines));
  }
  EXPECT_EQ(lines, 100);
}

TEST_F(ResultSinkTest, AFileThatCannotBeOpenedIsAnErrorAtTheStart) {
  EXPECT_FALSE(ResultSink::Create({.file = {.path = "/nonexistent/results"}}, SilentLogger()).ok());
}

}  // namespace
}  // namespace bayespfl::server
