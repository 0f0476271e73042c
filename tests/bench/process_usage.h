// What a process has used so far, as Linux counts it.
#ifndef BAYESPFL_TESTS_BENCH_PROCESS_USAGE_H_
#define BAYESPFL_TESTS_BENCH_PROCESS_USAGE_H_

#include <sys/types.h>

#include <cstdint>

#include "absl/status/statusor.h"

namespace bayespfl {

struct ProcessUsage {
  double cpu_seconds = 0;     // of all threads, the kernel's work for them included; to the nanosecond
  double kernel_seconds = 0;  // of that, inside the kernel: sockets, page faults, futexes; in ticks of 10 ms
  int64_t page_faults = 0;    // without reading a disk: pages that memory was fetched for, 4 KiB each
  int64_t waits = 0;          // times that a thread gave the processor up to wait for something; of threads that live
};

ProcessUsage operator-(const ProcessUsage& later, const ProcessUsage& earlier);

// Of this process, or another one of the same user. NotFound: it is gone, or /proc is not there.
absl::StatusOr<ProcessUsage> UsageOf(pid_t process);

}  // namespace bayespfl

#endif  // BAYESPFL_TESTS_BENCH_PROCESS_USAGE_H_
