// How long a piece of work takes, also on a machine that others use too.
#ifndef BAYESPFL_TESTS_SUPPORT_CPU_TIMER_H_
#define BAYESPFL_TESTS_SUPPORT_CPU_TIMER_H_

#include <chrono>
#include <ctime>

namespace bayespfl::testing {

// Counts the processor's time of the thread that makes it and asks it: neither waiting nor what runs in between.
class CpuTimer {
 public:
  [[nodiscard]] std::chrono::nanoseconds Elapsed() const { return Now() - start_; }

 private:
  static std::chrono::nanoseconds Now() {
    timespec time{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
    return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
  }

  std::chrono::nanoseconds start_ = Now();
};

}  // namespace bayespfl::testing

#endif  // BAYESPFL_TESTS_SUPPORT_CPU_TIMER_H_
