#include "server/models/low_priority.h"

#include <sys/resource.h>
#include <unistd.h>

#include <thread>

namespace bayespfl::server {
namespace {

// A tenth of the share of a thread of normal priority (nice 0), when both want all of a processor (sched(7)).
constexpr int kNice = 10;

}  // namespace

void RunAtLowPriority(const std::function<void()>& work) {
  std::thread([&work] {
    // Linux keeps a priority for each thread. To lower it needs no privilege; where a sandbox forbids it all the same,
    // the work is done at the normal one.
    (void)setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);
    work();
  }).join();
}

}  // namespace bayespfl::server
