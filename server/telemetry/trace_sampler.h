// Which requests are traced.
#ifndef BAYESPFL_SERVER_TELEMETRY_TRACE_SAMPLER_H_
#define BAYESPFL_SERVER_TELEMETRY_TRACE_SAMPLER_H_

#include <chrono>
#include <functional>

#include "absl/base/thread_annotations.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/telemetry/frame_outcome.h"
#include "server/telemetry/trace_context.h"

namespace bayespfl::server {

struct TraceSamplerOptions {
  double ratio = 0.01;                   // 0..1, of the requests that nothing else speaks for
  std::chrono::milliseconds slow{1000};  // a request that takes longer is traced; 0: no time is too long
  int max_per_second = 10;               // >= 1, of those that are traced for their error, and as many for their time
  std::function<std::chrono::steady_clock::time_point()> clock = std::chrono::steady_clock::now;
};

// A request in the sampler's eyes.
struct SampledRequest {
  const TraceContext& trace;
  // What the ratio looks at, 16 digits: the last of the trace id, so that all services with one ratio choose the same
  // traces; of a stream's message, whose trace is the whole stream's, its span id.
  absl::string_view randomness;
  FrameOutcome outcome = FrameOutcome::kOk;
  std::chrono::nanoseconds took{0};
};

enum class TraceDecision {
  kSkip,
  kTrace,
  kOverLimit,  // it would be traced for its error or its time, but for max_per_second
};

// Traced is, in this order: what the caller traces (the flag of its traceparent); what the ratio takes, as
// OpenTelemetry's TraceIdRatioBased does; what has no result, unless its client left or it was skipped; what was slow.
// An overload makes every request one of the last two kinds, hence their limit.
//
// Thread-safe.
class TraceSampler {
 public:
  explicit TraceSampler(TraceSamplerOptions options);

  TraceDecision Decide(const SampledRequest& request);

 private:
  // As many tokens as a second brings, at most.
  struct Bucket {
    double tokens = 0;
    std::chrono::steady_clock::time_point filled;
  };

  bool Take(Bucket& bucket) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const TraceSamplerOptions options_;
  Mutex mu_;
  Bucket errors_ ABSL_GUARDED_BY(mu_);
  Bucket slow_ ABSL_GUARDED_BY(mu_);
};

// Whether the ratio takes it: the digits as a number are below `ratio` x 2^64. Of 1 it takes everything, of 0 nothing.
bool TakenByRatio(absl::string_view digits, double ratio);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_TRACE_SAMPLER_H_
