// Load on a server, and what came of it.
#ifndef BAYESPFL_CLIENT_CPP_LOAD_H_
#define BAYESPFL_CLIENT_CPP_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bayespfl/client/inspection_client.h"
#include "bayespfl/inspection/v1/inspection.pb.h"

namespace bayespfl::client {

// When a camera's next frame comes.
enum class Arrivals {
  kClosed,   // as soon as fewer than `in_flight` frames of it are on their way: how much the server can do
  kPoisson,  // at random, `rate` a second on average: many sources that know nothing of each other
  kRegular,  // every 1/rate seconds, each camera from a moment of its own: a line at constant speed
};

struct LoadOptions {
  int cameras = 1;  // >= 1: streams, each with a thread
  Arrivals arrivals = Arrivals::kClosed;
  double rate = 1;       // frames a second of one camera, > 0; not for kClosed
  size_t in_flight = 2;  // of one camera, >= 1; the others wait for room, and the wait counts
  absl::Duration warm_up = absl::Seconds(2);
  absl::Duration duration = absl::Seconds(10);       // measured, after `warm_up`; > 0
  absl::Duration frame_timeout = absl::Seconds(60);  // > 0
  uint64_t seed = 0;                                 // of the arrivals
  int significant_bits = 0;                          // of the pictures' 16-bit samples, 9..16; 0: all
  bool apply_orientation = false;                    // the server turns the pictures upright as their EXIF data says
  inspection::v1::InspectOptions inspect_options;
};

// Of the frames that came while it was measured.
struct LoadReport {
  absl::Duration duration;                 // from the first of them until the last was answered
  double offered = 0;                      // frames a second that came
  double answered = 0;                     // frames a second with a result, over `duration`
  uint64_t results = 0;                    // frames
  uint64_t sent_again = 0;                 // of them, those that took more than one attempt
  std::map<std::string, uint64_t> errors;  // frames, by reason (else code)
  // Of the results, ascending: from when the frame came until its reply was there. With kPoisson and kRegular that is
  // when it should have come, so that a server that is behind does not hide it by slowing its clients down.
  std::vector<absl::Duration> latencies;

  uint64_t failed() const;
  // The smallest latency that at least `share` (0..1) of the results are within; zero without results.
  absl::Duration Percentile(double share) const;
};

// Plays `cameras` cameras, each of which sends `pictures` in turn, beginning with another one. INVALID_ARGUMENT: no
// picture, or options out of range. The first error that every frame would meet (a stream's own) is returned.
absl::StatusOr<LoadReport> RunLoad(const InspectionClient& client, const std::vector<std::string>& pictures,
                                   const LoadOptions& options);

// The largest number of 1..`most` for which `holds`, which must not hold for more once it does not hold for fewer; 0:
// for none. Tries 1, 2, 4, ... and then halves the gap, so that it asks about 2 log2(most) times. An error of `holds`
// ends the search.
absl::StatusOr<int> LargestThatHolds(int most, const std::function<absl::StatusOr<bool>(int)>& holds);

}  // namespace bayespfl::client

#endif  // BAYESPFL_CLIENT_CPP_LOAD_H_
