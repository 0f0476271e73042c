// The clock that waiting goes by: it never jumps.
#ifndef BAYESPFL_SERVER_PIPELINE_STEADY_TIME_H_
#define BAYESPFL_SERVER_PIPELINE_STEADY_TIME_H_

#include <chrono>

namespace bayespfl::server {

using SteadyTime = std::chrono::steady_clock::time_point;

inline double SecondsSince(SteadyTime start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_STEADY_TIME_H_
