// Work that must leave nothing behind for the threads that serve frames.
#ifndef BAYESPFL_SERVER_MODELS_WORK_THREAD_H_
#define BAYESPFL_SERVER_MODELS_WORK_THREAD_H_

#include <functional>

namespace bayespfl::server {

enum class WorkPriority {
  kNormal,
  kLow,  // leaves the processors to threads of normal priority where both want them
};

// Runs `work` on a thread of its own, and waits until that has ended. Threads that `work` starts inherit its priority,
// LibTorch's among them.
//
// The thread is its own for two reasons. A process without privileges cannot raise a priority that it has lowered. And
// a thread that has computed keeps OpenMP's helpers for as long as it lives, which count although they rest: as soon as
// all threads' helpers are more than the processors, those of the thread that computes frames go to sleep at each of a
// frame's hundreds of parallel parts, and are woken at the next, instead of waiting a moment for it.
void RunOnOwnThread(WorkPriority priority, const std::function<void()>& work);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_MODELS_WORK_THREAD_H_
