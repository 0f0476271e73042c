#include "server/telemetry/trace_sampler.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "absl/strings/numbers.h"

namespace bayespfl::server {
namespace {

// Whether a request that ended so has something to tell.
bool IsError(FrameOutcome outcome) {
  return outcome != FrameOutcome::kOk && outcome != FrameOutcome::kCancelled && outcome != FrameOutcome::kSkipped;
}

}  // namespace

bool TakenByRatio(absl::string_view digits, double ratio) {
  constexpr double kTwoToThe64 = 18446744073709551616.0;
  if (ratio >= 1) return true;
  uint64_t number = 0;
  if (!absl::SimpleHexAtoi(digits, &number)) return false;
  // Rounded down to a whole number below 2^64, which a double of that size is.
  return number < static_cast<uint64_t>(std::max(0.0, ratio) * kTwoToThe64);
}

TraceSampler::TraceSampler(TraceSamplerOptions options) : options_(std::move(options)) {
  errors_ = slow_ = {.tokens = static_cast<double>(options_.max_per_second), .filled = options_.clock()};
}

TraceDecision TraceSampler::Decide(const SampledRequest& request) {
  if (IsSampled(request.trace) || TakenByRatio(request.randomness, options_.ratio)) return TraceDecision::kTrace;
  const bool slow = options_.slow.count() > 0 && request.took > options_.slow;
  const bool error = IsError(request.outcome);
  if (!error && !slow) return TraceDecision::kSkip;
  MutexLock lock(mu_);
  if (error && Take(errors_)) return TraceDecision::kTrace;
  if (slow && Take(slow_)) return TraceDecision::kTrace;
  return TraceDecision::kOverLimit;
}

bool TraceSampler::Take(Bucket& bucket) {
  const std::chrono::steady_clock::time_point now = options_.clock();
  const double most = options_.max_per_second;
  const std::chrono::duration<double> passed = now - std::exchange(bucket.filled, now);
  bucket.tokens = std::min(most, bucket.tokens + passed.count() * most);
  if (bucket.tokens < 1) return false;
  bucket.tokens -= 1;
  return true;
}

}  // namespace bayespfl::server
