// Tasks of a kernel that threads share. Plain C++ for every file, whatever it is compiled for.
#ifndef BAYESPFL_MODEL_KERNELS_TASK_QUEUE_H_
#define BAYESPFL_MODEL_KERNELS_TASK_QUEUE_H_

#include <cstdint>

namespace bayespfl {

// Hands out each of the tasks `begin` (included) to `end` once. A thread takes the next one when it is done with its
// last, so one that has to wait for the processor leaves its share to the others, and what it needs for all of its
// tasks it makes once. Thread-safe.
class TaskQueue {
 public:
  TaskQueue(int64_t begin, int64_t end) : next_(begin), end_(end) {}
  TaskQueue(const TaskQueue&) = delete;
  TaskQueue& operator=(const TaskQueue&) = delete;

  // -1 when there are no more. Inlined always: callers are compiled for different processors.
  [[gnu::always_inline]] int64_t Take() {
    const int64_t task = __atomic_fetch_add(&next_, 1, __ATOMIC_RELAXED);
    return task < end_ ? task : -1;
  }

 private:
  int64_t next_;
  const int64_t end_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_KERNELS_TASK_QUEUE_H_
