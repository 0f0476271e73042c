#include "server/models/work_thread.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <thread>

namespace bayespfl::server {
namespace {

// Ten steps down leave a tenth of the share of the caller's threads, when both want all of a processor (sched(7)).
constexpr int kSteps = 10;
constexpr int kLowest = 19;

// Linux keeps a priority for each thread. To lower it needs no privilege; where a sandbox forbids it all the same, the
// work is done at the normal one.
void LowerPriority() {
  const auto thread = static_cast<id_t>(gettid());
  (void)setpriority(PRIO_PROCESS, thread, std::min(kLowest, getpriority(PRIO_PROCESS, thread) + kSteps));
}

}  // namespace

void RunOnOwnThread(WorkPriority priority, const std::function<void()>& work) {
  std::thread([priority, &work] {
    if (priority == WorkPriority::kLow) LowerPriority();
    work();
  }).join();
}

}  // namespace bayespfl::server
