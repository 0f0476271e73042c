// Work that must not slow down the frames under way.
#ifndef BAYESPFL_SERVER_MODELS_LOW_PRIORITY_H_
#define BAYESPFL_SERVER_MODELS_LOW_PRIORITY_H_

#include <functional>

namespace bayespfl::server {

// Runs `work` on a thread of its own that leaves the processors to threads of normal priority where both want them, and
// waits for it. Threads that `work` starts inherit the priority, LibTorch's among them. The thread is its own because a
// process without privileges cannot raise a priority that it has lowered.
void RunAtLowPriority(const std::function<void()>& work);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_MODELS_LOW_PRIORITY_H_
