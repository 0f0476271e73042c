#include "server/telemetry/result_sink.h"

#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "model/verdict/result_line.h"
#include "server/pipeline/error_reason.h"
#include "server/pipeline/frame.h"

namespace bayespfl::server {

std::string FormatResultLine(const FrameRecord& frame, absl::Time time) {
  const FrameName& name = frame.name;
  nlohmann::ordered_json line = {
      {"time", FormatTimestamp(time)},
      {"camera_id", name.camera_id},
      {"frame_id", name.frame_id},
      {"part_id", name.part_id},
      {"capture_time", nullptr},
      {"attempt", name.attempt},
      {"code", absl::StatusCodeToString(frame.status.code())},
      {"reason", nullptr},
  };
  if (name.capture_time.has_value()) line["capture_time"] = FormatTimestamp(*name.capture_time);
  if (!frame.status.ok() && !IsSkipped(frame.status)) line["reason"] = ErrorReasonName(ReasonOf(frame.status));
  line.update(frame.result != nullptr ? ResultToJson(*frame.result) : NoResultToJson());
  line["category"] = frame.category;
  line["seconds"] = frame.seconds;
  line["request_id"] = frame.call.request_id;
  return line.dump(-1, ' ', false, nlohmann::ordered_json::error_handler_t::replace);
}

absl::StatusOr<std::unique_ptr<ResultSink>> ResultSink::Create(ResultSinkOptions options, Logger logger) {
  options.file.durable = options.fsync != FsyncPolicy::kNever;
  absl::StatusOr<std::unique_ptr<RotatingFile>> file = RotatingFile::Open(options.file);
  if (!file.ok()) return file.status();
  return std::make_unique<ResultSink>(std::move(options), *std::move(file), std::move(logger));
}

ResultSink::ResultSink(ResultSinkOptions options, std::unique_ptr<LineFile> file, Logger logger)
    : options_(std::move(options)),
      file_(std::move(file)),
      logger_(std::move(logger)),
      limiter_(options_.error_lines),
      thread_([this] { Run(); }) {}

ResultSink::~ResultSink() {
  {
    MutexLock lock(mu_);
    stopping_ = true;
    changed_.NotifyOne();
  }
  thread_.join();
}

void ResultSink::Write(const FrameRecord& frame) {
  std::string line = FormatResultLine(frame, absl::Now()) + "\n";
  const size_t bytes = line.size();
  bool full = false;
  {
    MutexLock lock(mu_);
    full = queue_bytes_ + bytes > options_.max_queue_bytes;
    if (!full) {
      queue_bytes_ += bytes;
      queue_.push_back(std::move(line));
      changed_.NotifyOne();
    }
  }
  if (full) {
    Count(ResultLine::kDropped);
    return ReportLoss("a line of the result log was dropped",
                      absl::ResourceExhaustedError("the disk is slower than the frames: the queue is full"));
  }
  if (options_.on_queue_bytes) options_.on_queue_bytes(static_cast<int64_t>(bytes));
}

void ResultSink::Flush() {
  MutexLock lock(mu_);
  ++flushing_;
  changed_.NotifyOne();
  while (!queue_.empty() || busy_ || unsynced_) idle_.Wait(mu_);
  --flushing_;
}

void ResultSink::WaitForWork() {
  while (queue_.empty() && !stopping_) {
    if (!unsynced_) {
      changed_.Wait(mu_);
    } else if (flushing_ > 0 || !changed_.WaitUntil(mu_, sync_due_)) {
      return;
    }
  }
}

void ResultSink::Run() {
  for (;;) {
    std::vector<std::string> lines;
    size_t bytes = 0;
    {
      MutexLock lock(mu_);
      WaitForWork();
      if (queue_.empty() && !unsynced_) return;  // stopping
      lines.swap(queue_);
      bytes = std::exchange(queue_bytes_, 0);
      busy_ = true;
    }
    if (bytes > 0 && options_.on_queue_bytes) options_.on_queue_bytes(-static_cast<int64_t>(bytes));
    const bool written = WriteLines(lines);
    bool sync = false;
    {
      MutexLock lock(mu_);
      const auto now = std::chrono::steady_clock::now();
      if (written && !unsynced_ && options_.fsync != FsyncPolicy::kNever) {
        unsynced_ = true;
        sync_due_ =
            now + (options_.fsync == FsyncPolicy::kAlways ? std::chrono::milliseconds(0) : options_.fsync_interval);
      }
      sync = unsynced_ && (now >= sync_due_ || flushing_ > 0 || stopping_);
    }
    if (sync) Sync();
    MutexLock lock(mu_);
    if (sync) unsynced_ = false;
    busy_ = false;
    idle_.NotifyAll();
  }
}

// Whether anything was written.
bool ResultSink::WriteLines(const std::vector<std::string>& lines) {
  bool written = false;
  for (const std::string& line : lines) {
    absl::Status appended = options_.faults != nullptr ? options_.faults->Check(Fault::kDiskFull) : absl::OkStatus();
    if (appended.ok()) appended = file_->Append(line);
    written = written || appended.ok();
    Count(appended.ok() ? ResultLine::kWritten : ResultLine::kFailed);
    if (!appended.ok()) ReportLoss("a line of the result log was lost", appended);
  }
  return written;
}

void ResultSink::Sync() {
  const absl::Status synced = file_->Sync();
  if (!synced.ok()) ReportLoss("the result log may not be on the disk", synced);
}

void ResultSink::Count(ResultLine what) const {
  if (options_.on_line) options_.on_line(what);
}

void ResultSink::ReportLoss(absl::string_view message, const absl::Status& error) {
  const std::optional<int64_t> suppressed = limiter_.Admit(message);
  if (!suppressed.has_value()) return;
  LogFields fields = {{"code", absl::StatusCodeToString(error.code())}, {"error", std::string(error.message())}};
  if (*suppressed > 0) fields.push_back({"suppressed", *suppressed});
  logger_->Error(message, fields);
}

}  // namespace bayespfl::server
