// Which of the pipeline's threads that compute are inside a call of their device that does not come back.
#ifndef BAYESPFL_SERVER_PIPELINE_HUNG_REPLICAS_H_
#define BAYESPFL_SERVER_PIPELINE_HUNG_REPLICAS_H_

#include <atomic>
#include <cstddef>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/served_model.h"

namespace bayespfl::server {

// The n-th thread runs the n-th replica of every model: while it hangs, none of them computes. Thread-safe.
class HungReplicas {
 public:
  explicit HungReplicas(size_t replicas) : hung_(replicas) {}
  HungReplicas(const HungReplicas&) = delete;
  HungReplicas& operator=(const HungReplicas&) = delete;

  void Set(size_t replica, bool hung) { hung_[replica] = hung; }

  // The first that hangs; nullopt: none does.
  std::optional<size_t> First() const;

  // OK: some replica of the model takes its frames, now or when it has been rebuilt. Unavailable: NoReplicaLeft(), or
  // DeviceHung(), since all that are left hang.
  absl::Status CanServe(const ServedModel& model) const;

 private:
  std::vector<std::atomic<bool>> hung_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_HUNG_REPLICAS_H_
