// How long the stages of a computation take.
#ifndef BAYESPFL_MODEL_DETECTION_STOP_WATCH_H_
#define BAYESPFL_MODEL_DETECTION_STOP_WATCH_H_

#include <chrono>

namespace bayespfl {

class StopWatch {
 public:
  // Seconds since the last call (the first: since construction).
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const double seconds = std::chrono::duration<double>(now - last_).count();
    last_ = now;
    return seconds;
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_STOP_WATCH_H_
