// The upper bounds of the histograms' buckets.
#ifndef BAYESPFL_SERVER_TELEMETRY_BUCKETS_H_
#define BAYESPFL_SERVER_TELEMETRY_BUCKETS_H_

#include <array>
#include <cstddef>

#include "prometheus/histogram.h"

namespace bayespfl::server {

// In seconds, for stages and queues: 1 ms to 30 s, each two to three times the one before, so that a quantile is known
// to within that factor. What takes less than 1 ms holds nobody up; the longest wait that the defaults allow is that of
// 64 frames (max_frames_in_flight), about 30 s before a model that takes two a second. What a batch shares is counted
// for each of its frames.
inline constexpr std::array<double, 14> kLatencyBuckets = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                                           0.25,  0.5,    1.0,   2.5,  5.0,   10.0, 30.0};

// In seconds, for calls: a unary call takes milliseconds to seconds and is looked at as closely as a stage; a stream
// takes as long as a line runs, and it is enough to know minutes from hours from days.
inline constexpr std::array<double, 17> kRequestBuckets = {
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0, 3600.0, 21600.0, 86400.0};

// In frames: the powers of two, which max_batch is mostly set to. 1 by itself shows batches that did not form; what is
// beyond 64 is in the mean (sum by count).
inline constexpr std::array<double, 7> kBatchBuckets = {1, 2, 4, 8, 16, 32, 64};

// Of scores: hundredths at both ends of 0..1, tenths between. The score is a probability from a softmax, which flattens
// towards both ends: the same change of the logits that moves a score from 0.01 to 0.02 moves one from 0.5 to 0.67.
inline constexpr std::array<double, 16> kScoreBuckets = {0.01, 0.02, 0.05, 0.1, 0.2,  0.3,  0.4,  0.5,
                                                         0.6,  0.7,  0.8,  0.9, 0.95, 0.98, 0.99, 1.0};

template <size_t kCount>
prometheus::Histogram::BucketBoundaries BucketsOf(const std::array<double, kCount>& bounds) {
  return {bounds.begin(), bounds.end()};
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_TELEMETRY_BUCKETS_H_
