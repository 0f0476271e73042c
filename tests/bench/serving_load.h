// Load on the server of serving_bench, and what came of it.
#ifndef BAYESPFL_TESTS_BENCH_SERVING_LOAD_H_
#define BAYESPFL_TESTS_BENCH_SERVING_LOAD_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bayespfl/inspection/v1/inspection.pb.h"
#include "tests/bench/bench_server.h"
#include "tests/bench/instant_detector.h"
#include "tests/bench/process_usage.h"

namespace bayespfl {

// What is sent.
struct BenchPicture {
  std::string name;                           // one of kBenchPictures, or what the report calls them
  std::vector<inspection::v1::Image> images;  // at least one; a caller sends them in turn
};
inline constexpr std::array<absl::string_view, 3> kBenchPictures = {"raw-64", "raw-518", "jpeg-2mp"};

// RGB8 of 64 x 64 or 518 x 518 pixels, or a JPEG of 1632 x 1224 (quality 90, 4:2:0): gradients with some noise, always
// the same. InvalidArgument: no such name.
absl::StatusOr<BenchPicture> MakeBenchPicture(absl::string_view name);

// The bytes of one as it is sent, on average.
size_t BytesOf(const BenchPicture& picture);

enum class CallKind { kUnary, kStream };
absl::string_view CallKindName(CallKind kind);  // "unary", "stream"

struct LoadCase {
  const BenchPicture* picture = nullptr;  // borrowed
  CallKind calls = CallKind::kUnary;
  int callers = 1;  // >= 1: threads, each with a connection of its own
};

struct ServingLoadOptions {
  absl::Duration warm_up = absl::Milliseconds(500);  // at least, before, which does not count; >= 0
  absl::Duration duration = absl::Seconds(2);        // measured; > 0
  size_t in_flight = 2;                              // frames of one stream on their way, >= 1; a unary caller has one
  bool mask = false;                                 // replies bring the mask, a PNG of the picture's size
  std::string category = kInstantCategory;           // what the pictures are of
};

// Of the frames whose replies came while it was measured.
struct ServingResult {
  absl::Duration duration;                 // for which it was measured
  uint64_t frames = 0;                     // that were answered with a result
  std::map<std::string, uint64_t> errors;  // frames without one, by status code
  uint64_t sent_again = 0;                 // of the results, those that took more than one attempt
  // Of the results, ascending, in seconds: of a call as its caller waits for it; of a stream's frame from when the
  // client gives it to gRPC until its reply is there.
  std::vector<float> latencies;
  ProcessUsage server;  // for all of its work in that time
  ProcessUsage client;  // of this process likewise: what the load costs

  uint64_t failed() const;
  // The smallest latency in seconds that at least `share` (0..1) of the results are within; 0 without results.
  double Percentile(double share) const;
};

// A closed loop: each caller sends its next frame when it has room for one, and measuring begins when every caller has
// had a reply. Takes warm_up + duration and that wait, and at most forty seconds more when the server does not answer.
// Errors: a client could not be made, the server has died, or a stream could not go on.
absl::StatusOr<ServingResult> RunCase(const BenchServer& server, const LoadCase& load,
                                      const ServingLoadOptions& options);

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_SERVING_LOAD_H_
