// Sees a device that hangs. A call of it that does not come back cannot be ended, and says nothing; so whoever computes
// leaves the frames of the call here, and when it takes too long they are answered from here.
//
//   watchdog.Begin(replica, {.model = model, .jobs = std::move(batch)});
//   results = detector->Compute(frames);
//   Watchdog::Ended ended = watchdog.End(replica);
//   if (ended.overdue) return;                    // the frames have been answered; the results come too late
#ifndef BAYESPFL_SERVER_PIPELINE_WATCHDOG_H_
#define BAYESPFL_SERVER_PIPELINE_WATCHDOG_H_

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "server/pipeline/hung_replicas.h"
#include "server/pipeline/job.h"
#include "server/pipeline/observer.h"
#include "server/pipeline/steady_time.h"

namespace bayespfl::server {

// Thread-safe; of one replica Begin() and End() come in turns.
class Watchdog {
 public:
  // What a replica is at.
  struct Work {
    ReplicaWork kind = ReplicaWork::kBatch;
    std::shared_ptr<ServedModel> model;
    SteadyTime start = std::chrono::steady_clock::now();
    std::vector<JobPtr> jobs = {};  // of the batch; none: a warm-up frame, or a rebuild
  };
  struct Ended {
    bool overdue = false;           // it was called so, and its jobs were given away
    std::vector<JobPtr> jobs = {};  // as they were left; none when it is overdue
  };

  // Work is overdue `limit` after its start; 0: never. `on_overdue` gets it then, once, from the thread in Run(), or
  // in Check(). Before that, a replica whose batch is overdue is in `hung`, and until the batch has ended after all;
  // loading weights takes its time, so a rebuild is only told. `hung` outlives the object.
  using OnOverdue = std::function<void(size_t replica, Work work)>;
  Watchdog(size_t replicas, std::chrono::nanoseconds limit, HungReplicas& hung, OnOverdue on_overdue)
      : limit_(limit), hung_(hung), on_overdue_(std::move(on_overdue)), running_(replicas) {}
  Watchdog(const Watchdog&) = delete;
  Watchdog& operator=(const Watchdog&) = delete;

  void Begin(size_t replica, Work work);
  Ended End(size_t replica);

  // Tells of what is overdue at that time.
  void Check(SteadyTime now);

  // Checks in time, until Stop(); one thread runs it.
  void Run();
  void Stop();

 private:
  bool WaitUntilDue();

  struct Running {
    SteadyTime deadline = SteadyTime::max();  // max: it is idle, or overdue
    bool overdue = false;
    Work work;
  };

  const std::chrono::nanoseconds limit_;
  HungReplicas& hung_;
  const OnOverdue on_overdue_;

  Mutex mu_;
  CondVar changed_;
  std::vector<Running> running_ ABSL_GUARDED_BY(mu_);  // by replica
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_WATCHDOG_H_
