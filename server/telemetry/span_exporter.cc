#include "server/telemetry/span_exporter.h"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

#include "absl/random/random.h"
#include "absl/strings/string_view.h"

namespace bayespfl::server {

SpanExporter::SpanExporter(SpanExporterOptions options, std::unique_ptr<SpanSender> sender, Logger logger)
    : options_(std::move(options)),
      sender_(std::move(sender)),
      logger_(std::move(logger)),
      limiter_(options_.error_lines),
      thread_([this] { Run(); }) {}

SpanExporter::~SpanExporter() { Stop(); }

void SpanExporter::Add(std::vector<Span> spans) {
  const size_t count = spans.size();
  SpanLoss why = SpanLoss::kQueueFull;
  {
    MutexLock lock(mu_);
    if (!stopping_ && queued_spans_ + count <= options_.max_queue_spans) {
      if (queue_.empty()) oldest_ = Clock::now();
      const bool wakes = queue_.empty() || queued_spans_ + count >= options_.max_batch_spans;
      queued_spans_ += count;
      queue_.push_back(std::move(spans));
      if (wakes) changed_.NotifyAll();
      if (options_.on_queue) options_.on_queue(static_cast<int64_t>(count));
      return;
    }
    if (stopping_) why = SpanLoss::kStopped;
  }
  Lose(why, count);
}

void SpanExporter::Stop() {
  MutexLock stop_lock(stop_mu_);
  if (!thread_.joinable()) return;
  {
    MutexLock lock(mu_);
    stopping_ = true;
    stop_by_ = Clock::now() + options_.stop_time;
    changed_.NotifyAll();
    while (!ended_ && ended_changed_.WaitUntil(mu_, stop_by_)) {
    }
  }
  for (;;) {
    {
      MutexLock lock(mu_);
      if (ended_) break;
    }
    // Again and again: it may come between the thread's last look and its next wait.
    sender_->Cancel();
    constexpr std::chrono::milliseconds kBetween(20);
    MutexLock lock(mu_);
    if (!ended_) ended_changed_.WaitUntil(mu_, Clock::now() + kBetween);
  }
  thread_.join();
}

void SpanExporter::Run() {
  for (;;) {
    const std::vector<Span> batch = TakeBatch();
    if (batch.empty()) break;
    Export(batch);
  }
  LoseQueue(SpanLoss::kStopped);
  MutexLock lock(mu_);
  ended_ = true;
  ended_changed_.NotifyAll();
}

// Waits for one. Empty: stopping, and nothing waits or there is no time left.
std::vector<Span> SpanExporter::TakeBatch() {
  std::vector<Span> batch;
  {
    MutexLock lock(mu_);
    while (!stopping_ && queued_spans_ < options_.max_batch_spans) {
      if (queue_.empty()) {
        changed_.Wait(mu_);
      } else if (!changed_.WaitUntil(mu_, oldest_ + options_.max_delay)) {
        break;
      }
    }
    if (Clock::now() >= stop_by_) return batch;
    while (!queue_.empty() && (batch.empty() || batch.size() + queue_.front().size() <= options_.max_batch_spans)) {
      std::vector<Span>& request = queue_.front();
      batch.insert(batch.end(), std::make_move_iterator(request.begin()), std::make_move_iterator(request.end()));
      queue_.pop_front();
    }
    queued_spans_ -= batch.size();
    oldest_ = Clock::now();
  }
  if (options_.on_queue && !batch.empty()) options_.on_queue(-static_cast<int64_t>(batch.size()));
  return batch;
}

void SpanExporter::Export(const std::vector<Span>& batch) {
  const auto spans = static_cast<int64_t>(batch.size());
  const std::string body = EncodeSpans(options_.sender, batch);
  const Clock::time_point give_up = Clock::now() + options_.give_up;
  for (int tries = 1;; ++tries) {
    const SendResult result = sender_->Send(body);
    if (result.kind == SendResult::Kind::kTaken) return NoteTaken(result, spans);
    const bool again = result.kind == SendResult::Kind::kRetry && WaitToRetry(result, tries, give_up);
    NoteFailure(result, spans, again);
    if (!again) return Lose(SpanLoss::kExportFailed, batch.size());
  }
}

// False: it is not worth another try. A stop ends the wait, with one more try for whoever was not told to wait.
bool SpanExporter::WaitToRetry(const SendResult& result, int tries, Clock::time_point give_up) {
  const Clock::time_point then = Clock::now() + result.retry_after.value_or(Backoff(tries));
  MutexLock lock(mu_);
  if (stopping_ || then > give_up) return false;
  while (!stopping_ && changed_.WaitUntil(mu_, then)) {
  }
  return !stopping_ || (!result.retry_after.has_value() && Clock::now() < stop_by_);
}

std::chrono::milliseconds SpanExporter::Backoff(int tries) const {
  constexpr int kMostDoublings = 16;
  const auto doubled = options_.first_retry * (int64_t{1} << std::min(tries - 1, kMostDoublings));
  const auto longest = std::min<std::chrono::milliseconds>(doubled, options_.longest_retry);
  absl::BitGen generator;  // so that servers which lost a collector together do not come back together
  return std::chrono::milliseconds(absl::Uniform(generator, longest.count() / 2, longest.count() * 3 / 2 + 1));
}

void SpanExporter::NoteTaken(const SendResult& result, int64_t spans) {
  const int64_t rejected = std::min(result.rejected, spans);
  if (options_.on_exported) options_.on_exported(spans - rejected);
  if (rejected == 0 && result.error.empty()) return;
  if (rejected > 0) Lose(SpanLoss::kRejected, static_cast<size_t>(rejected));
  const std::optional<int64_t> suppressed = limiter_.Admit("rejected");
  if (!suppressed.has_value()) return;
  LogFields fields = {{"spans", rejected}, {"error", result.error}};
  if (*suppressed > 0) fields.push_back({"suppressed", *suppressed});
  logger_->Warning("the collector rejected spans", fields);
}

void SpanExporter::NoteFailure(const SendResult& result, int64_t spans, bool again) {
  if (options_.on_failure) options_.on_failure();
  const absl::string_view message = again ? "traces could not be sent; they are kept" : "traces were lost";
  const std::optional<int64_t> suppressed = limiter_.Admit(message);
  if (!suppressed.has_value()) return;
  LogFields fields = {{"spans", spans}, {"error", result.error}};
  if (*suppressed > 0) fields.push_back({"suppressed", *suppressed});
  logger_->Warning(message, fields);
}

void SpanExporter::Lose(SpanLoss why, size_t spans) const {
  if (options_.on_lost && spans > 0) options_.on_lost(why, static_cast<int64_t>(spans));
}

void SpanExporter::LoseQueue(SpanLoss why) {
  size_t lost = 0;
  {
    MutexLock lock(mu_);
    queue_.clear();
    lost = std::exchange(queued_spans_, 0);
  }
  if (options_.on_queue && lost > 0) options_.on_queue(-static_cast<int64_t>(lost));
  Lose(why, lost);
}

}  // namespace bayespfl::server
