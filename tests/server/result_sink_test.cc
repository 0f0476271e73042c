#include "server/telemetry/result_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/verdict/result_line.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/frame.h"
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
            .category = "PCB-4711 rev C",
            .status = absl::OkStatus(),
            .result = &result_,
            .seconds = 0.5};
  }

  // One without a result.
  FrameRecord Failed(const absl::Status& status) const {
    FrameRecord frame = Frame();
    frame.status = status;
    frame.result = nullptr;
    return frame;
  }

  // Every field has a value of its own.
  static Inspection Result() {
    return {.category = "PCB-4711 rev C",
            .object = "printed circuit board",
            .decision = {.verdict = Verdict::kFail, .rule = DecisionRule::kMapScore},
            .thresholds = {.source = ThresholdSource::kCategory,
                           .revision = "89abcdef0123",
                           .mask = 0.5F,
                           .min_region_fraction = 0.001,
                           .lines = {{.rule = DecisionRule::kScore, .review = 0.93F, .fail = 0.95F},
                                     {.rule = DecisionRule::kMapScore, .review = 0.05F, .fail = 0.06F}}},
            .mask_threshold = 0.25F,
            .score = 0.9F,
            .score_std = 0.125F,
            .map_score = 0.1F,
            .mixed_score = 1.5F,
            .mask_area_fraction = 0.375,
            .largest_region_fraction = 0.0625,
            .frame_width = 640,
            .frame_height = 480,
            .provenance = {.result_id = "019c0000-0000-7000-8000-000000000000",
                           .model = "demo",
                           .model_digest = "0123456789abcdef",
                           .computation_digest = "fedcba9876543210",
                           .model_version = "1.0+0123456789ab",
                           .precision = "fp32",
                           .kernels = "libtorch 2.11.0 AVX512 threads=2",
                           .device = "cpu",
                           .server_version = "2.0.0",
                           .seed = 18446744073709551615U,
                           .samples = 5,
                           .picture = {.sha256 = "fedcba",
                                       .raw = RawGeometry{.width = 640,
                                                          .height = 480,
                                                          .stride = 1280,
                                                          .pfnc_pixel_format = 0x01100007},
                                       .significant_bits = 12},
                           .ran_alone = true},
            .timings = {{.stage = "total", .seconds = 0.25}}};
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
  const Inspection result_ = Result();
  Mutex mu_;
  std::map<ResultLine, int64_t> counts_ ABSL_GUARDED_BY(mu_);
  int64_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<nlohmann::json> log_lines_ ABSL_GUARDED_BY(mu_);
  FakeFile* file_ = nullptr;  // the sink's
  std::unique_ptr<ResultSink> sink_;
};

// ---- Lines ---------------------------------------------------------------------------------------------------------

TEST_F(ResultSinkTest, ALineHoldsWhatWasFoundAndWhatItTakesToFindItAgain) {
  EXPECT_EQ(
      FormatResultLine(Frame(), absl::FromUnixMillis(1'700'000'000'007)),
      R"({"time":"2023-11-14T22:13:20.007Z","camera_id":"line 3","frame_id":"frame 1","part_id":"part 1",)"
      R"("capture_time":null,"attempt":0,"code":"OK","reason":null,)"
      R"("result_id":"019c0000-0000-7000-8000-000000000000","category":"PCB-4711 rev C",)"
      R"("object":"printed circuit board","verdict":"FAIL","decided_by":"map_score",)"
      R"("score":0.9,"score_std":0.125,"map_score":0.1,"mixed_score":1.5,)"
      R"("mask_threshold":0.25,"mask_area_fraction":0.375,"largest_region_fraction":0.0625,)"
      R"("frame_width":640,"frame_height":480,)"
      R"("thresholds":{"source":"category","revision":"89abcdef0123","mask":0.5,"min_region_fraction":0.001,)"
      R"("lines":{"score":{"review":0.93,"fail":0.95},"map_score":{"review":0.05,"fail":0.06}}},)"
      R"("warnings":[],)"
      R"("provenance":{"model":"demo","model_digest":"0123456789abcdef","computation_digest":"fedcba9876543210",)"
      R"("model_version":"1.0+0123456789ab",)"
      R"("precision":"fp32","kernels":"libtorch 2.11.0 AVX512 threads=2","device":"cpu","server_version":"2.0.0",)"
      R"("seed":18446744073709551615,"samples":5,)"
      R"("picture":{"sha256":"fedcba","raw":{"width":640,"height":480,"stride":1280,"pfnc_pixel_format":17825799,)"
      R"("max_trailing_bytes":0},)"
      R"("significant_bits":12,"apply_orientation":false},"ran_alone":true},)"
      R"("seconds":0.5,"request_id":"order-17"})");
}

TEST_F(ResultSinkTest, ALineWithoutAResultHasTheSameKeysInTheSameOrder) {
  EXPECT_EQ(FormatResultLine(Failed(absl::DeadlineExceededError("late")), absl::FromUnixMillis(1'700'000'000'007)),
            R"({"time":"2023-11-14T22:13:20.007Z","camera_id":"line 3","frame_id":"frame 1","part_id":"part 1",)"
            R"("capture_time":null,"attempt":0,"code":"DEADLINE_EXCEEDED","reason":"DEADLINE_EXCEEDED",)"
            R"("result_id":null,"category":"PCB-4711 rev C","object":null,"verdict":null,"decided_by":null,)"
            R"("score":null,"score_std":null,"map_score":null,"mixed_score":null,)"
            R"("mask_threshold":null,"mask_area_fraction":null,"largest_region_fraction":null,)"
            R"("frame_width":null,"frame_height":null,"thresholds":null,"warnings":null,"provenance":null,)"
            R"("seconds":0.5,"request_id":"order-17"})");
}

// The line says all of the result but its regions and times.
TEST_F(ResultSinkTest, TheSameResultIsReadBack) {
  const absl::StatusOr<Inspection> read = ParseResultLine(FormatResultLine(Frame(), absl::Now()));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->category, result_.category);
  EXPECT_EQ(read->object, result_.object);
  EXPECT_EQ(read->decision.verdict, result_.decision.verdict);
  EXPECT_EQ(read->decision.rule, result_.decision.rule);
  EXPECT_EQ(read->thresholds, result_.thresholds);
  EXPECT_EQ(read->mask_threshold, result_.mask_threshold);
  EXPECT_EQ(read->score, result_.score);
  EXPECT_EQ(read->score_std, result_.score_std);
  EXPECT_EQ(read->map_score, result_.map_score);
  EXPECT_EQ(read->mixed_score, result_.mixed_score);
  EXPECT_EQ(read->mask_area_fraction, result_.mask_area_fraction);
  EXPECT_EQ(read->largest_region_fraction, result_.largest_region_fraction);
  EXPECT_EQ(read->frame_width, result_.frame_width);
  EXPECT_EQ(read->frame_height, result_.frame_height);
  EXPECT_EQ(read->provenance, result_.provenance);
}

TEST_F(ResultSinkTest, AResultWithoutVerdictRuleAndMixedScoreIsReadBackToo) {
  Inspection plain = result_;
  plain.decision = {};
  plain.thresholds = {.source = ThresholdSource::kPackage, .mask = 0.75F};
  plain.mixed_score.reset();
  plain.provenance.picture.raw.reset();
  FrameRecord frame = Frame();
  frame.result = &plain;

  const absl::StatusOr<Inspection> read = ParseResultLine(FormatResultLine(frame, absl::Now()));

  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->decision.verdict, Verdict::kNone);
  EXPECT_EQ(read->decision.rule, std::nullopt);
  EXPECT_EQ(read->thresholds, plain.thresholds);
  EXPECT_EQ(read->mixed_score, std::nullopt);
  EXPECT_EQ(read->provenance, plain.provenance);
}

TEST_F(ResultSinkTest, ALineWithoutAResultIsNoResult) {
  for (const absl::Status& status : {absl::InternalError("device"), SkippedStatus()}) {
    const std::string line = FormatResultLine(Failed(status), absl::Now());
    EXPECT_EQ(ParseResultLine(line).status().code(), absl::StatusCode::kInvalidArgument) << line;
  }
}

TEST_F(ResultSinkTest, ALineSaysWhenThePictureWasTakenAndHowOftenItWasSentBefore) {
  FrameRecord frame = Frame();
  frame.name.capture_time = absl::FromUnixMillis(1'600'000'000'250);
  frame.name.attempt = 2;

  const auto line = nlohmann::json::parse(FormatResultLine(frame, absl::Now()));

  EXPECT_EQ(line["capture_time"], "2020-09-13T12:26:40.250Z");
  EXPECT_EQ(line["attempt"], 2);
}

TEST_F(ResultSinkTest, AnErrorsLineHasItsReasonAndASkippedFramesNone) {
  const auto reason_of = [this](const absl::Status& status) {
    return nlohmann::json::parse(FormatResultLine(Failed(status), absl::Now()))["reason"];
  };

  EXPECT_EQ(reason_of(WithReason(absl::InternalError("device"), ErrorReason::kDeviceFailed)), "DEVICE_FAILED");
  EXPECT_EQ(reason_of(absl::CancelledError("left")), "CANCELLED");
  EXPECT_TRUE(reason_of(SkippedStatus()).is_null());
}

TEST_F(ResultSinkTest, WhatAClientSentStaysWithinItsLine) {
  FrameRecord frame = Frame();
  frame.name.camera_id = "a\n\"b\xFF";

  const std::string line = FormatResultLine(frame, absl::Now());

  EXPECT_EQ(line.find('\n'), std::string::npos);
  EXPECT_EQ(nlohmann::json::parse(line)["camera_id"], "a\n\"b\uFFFD");
}

// ---- Writing -------------------------------------------------------------------------------------------------------

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
