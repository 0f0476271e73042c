// Tasks of a kernel, shared by LibTorch's threads.
#ifndef BAYESPFL_MODEL_NETWORK_PARALLEL_TASKS_H_
#define BAYESPFL_MODEL_NETWORK_PARALLEL_TASKS_H_

#include <algorithm>
#include <cstdint>

#include "ATen/Parallel.h"
#include "model/kernels/task_queue.h"
#include "model/kernels/threads.h"

namespace bayespfl {

// Into how many parts to split each of so many equal tasks over `length` rows: so many that the threads end about
// together, and not so short that what a part costs by itself (a head's keys are packed, weights are fetched) counts.
inline int64_t SplitsFor(int64_t tasks, int64_t length) {
  constexpr int64_t kShortest = 96;
  constexpr int64_t kTasksOfAThread = 4;
  const int64_t threads = at::get_num_threads();
  if (tasks % threads == 0 || tasks >= kTasksOfAThread * threads) return 1;
  const int64_t wanted = (kTasksOfAThread * threads + tasks - 1) / tasks;
  return std::clamp<int64_t>(length / kShortest, 1, wanted);
}

// Calls work(tasks) once in each of LibTorch's threads, with the tasks 0 .. count to be taken.
template <typename Work>
void ShareTasks(int64_t count, const Work& work) {
  TaskQueue tasks(0, count);
  const auto take_all = [&] { work(tasks); };
  // Asking also tells OpenMP how many threads LibTorch has for this one.
  if (at::get_num_threads() == 1 || count == 1) {
    take_all();
  } else {
    RunOnThreads(take_all);
  }
}

// Calls work(task) for each of the tasks 0 .. count once.
template <typename Work>
void RunTasks(int64_t count, const Work& work) {
  ShareTasks(count, [&](TaskQueue& tasks) {
    for (int64_t task = tasks.Take(); task >= 0; task = tasks.Take()) work(task);
  });
}

// Calls work(begin, end) for parts of the rows 0 .. rows, each `length` rows long but the last.
template <typename Work>
void RunRows(int64_t rows, int64_t length, const Work& work) {
  RunTasks((rows + length - 1) / length,
           [&](int64_t part) { work(part * length, std::min((part + 1) * length, rows)); });
}

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_NETWORK_PARALLEL_TASKS_H_
