// Carries finished spans to a collector, without ever holding up who made them.
#ifndef BAYESPFL_SERVER_TELEMETRY_SPAN_EXPORTER_H_
#define BAYESPFL_SERVER_TELEMETRY_SPAN_EXPORTER_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "server/telemetry/log.h"
#include "server/telemetry/otlp_client.h"
#include "server/telemetry/otlp_json.h"
#include "server/telemetry/repeat_limiter.h"
#include "server/telemetry/span.h"

namespace bayespfl::server {

// Why a span did not get to the collector.
enum class SpanLoss {
  kOverLimit,     // TraceSamplerOptions::max_per_second; it was not even made
  kQueueFull,     // the collector is slower than the server
  kExportFailed,  // the collector did not want its batch, or was away for too long
  kRejected,      // the collector took the batch, but not this span
  kStopped,       // the server's end did not wait for it
};
inline constexpr size_t kSpanLosses = 5;

struct SpanExporterOptions {
  OtlpSender sender;
  size_t max_queue_spans = 8192;                // that wait; beyond it whole requests are dropped
  size_t max_batch_spans = 512;                 // sent at once, but that a request's spans stay together
  std::chrono::milliseconds max_delay{1000};    // until what waits is sent
  std::chrono::milliseconds first_retry{1000};  // then twice as long each time, give or take a half
  std::chrono::milliseconds longest_retry{30000};
  std::chrono::milliseconds give_up{60000};   // for one batch, from its first try on
  std::chrono::milliseconds stop_time{2000};  // for what waits at the end
  RepeatLimits error_lines = {};              // of the server's log, about exports that failed
  // Called from several threads, quick. May be empty.
  std::function<void(int64_t spans)> on_exported = {};
  std::function<void(SpanLoss why, int64_t spans)> on_lost = {};
  std::function<void()> on_failure = {};              // a try to send a batch
  std::function<void(int64_t change)> on_queue = {};  // spans that wait
};

// A thread of its own sends; Add() only leaves the spans for it. Whatever the collector does, what waits is bounded in
// number, and what is lost is counted.
//
// Thread-safe, but for the destructor.
class SpanExporter {
 public:
  SpanExporter(SpanExporterOptions options, std::unique_ptr<SpanSender> sender, Logger logger);
  ~SpanExporter();  // Stop()
  SpanExporter(const SpanExporter&) = delete;
  SpanExporter& operator=(const SpanExporter&) = delete;

  // The spans of one request, taken or dropped as a whole.
  void Add(std::vector<Span> spans);

  // Takes no more spans and tries once to send those that wait, for stop_time; then the thread is made to end. May be
  // called again.
  void Stop();

 private:
  using Clock = std::chrono::steady_clock;

  void Run();
  std::vector<Span> TakeBatch();
  void Export(const std::vector<Span>& batch);
  bool WaitToRetry(const SendResult& result, int tries, Clock::time_point give_up);
  void NoteTaken(const SendResult& result, int64_t spans);
  void NoteFailure(const SendResult& result, int64_t spans, bool again);
  void Lose(SpanLoss why, size_t spans) const;
  void LoseQueue(SpanLoss why);
  std::chrono::milliseconds Backoff(int tries) const;

  const SpanExporterOptions options_;
  const std::unique_ptr<SpanSender> sender_;
  const Logger logger_;
  RepeatLimiter limiter_;

  Mutex mu_;
  CondVar changed_;
  CondVar ended_changed_;
  std::deque<std::vector<Span>> queue_ ABSL_GUARDED_BY(mu_);  // by request
  size_t queued_spans_ ABSL_GUARDED_BY(mu_) = 0;
  Clock::time_point oldest_ ABSL_GUARDED_BY(mu_);  // when the queue was empty last
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  Clock::time_point stop_by_ ABSL_GUARDED_BY(mu_) = Clock::time_point::max();
  bool ended_ ABSL_GUARDED_BY(mu_) = false;

  Mutex stop_mu_;       // one thread stops
  std::thread thread_;  // last: it uses the rest
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_SPAN_EXPORTER_H_
