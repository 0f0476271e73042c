// A model on one device, and how it is loaded again when the device failed.
#ifndef BAYESPFL_SERVER_PIPELINE_REPLICA_H_
#define BAYESPFL_SERVER_PIPELINE_REPLICA_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/detection/detector.h"

namespace bayespfl::server {

// Thread-safe.
class Replica {
 public:
  using Reload = std::function<absl::StatusOr<std::shared_ptr<const Detector>>()>;

  // Several replicas may share a detector; each that is rebuilt then has its own.
  Replica(std::shared_ptr<const Detector> detector, Reload reload);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // The one that serves now; frames that another one prepared are good for it.
  std::shared_ptr<const Detector> detector() const;

  // Of the package, and so of every detector that serves here.
  const ModelInfo& info() const { return info_; }

  // Replaces the detector by one that is loaded anew; called after its Compute() failed as a whole. The old one goes on
  // preparing and finishing frames meanwhile. FailedPrecondition: the package on the disk has changed since it was
  // loaded. Else as the reload says. After an error the replica cannot compute any more.
  absl::Status Rebuild();

 private:
  const Reload reload_;
  const ModelInfo info_;
  mutable Mutex mu_;
  std::shared_ptr<const Detector> detector_ ABSL_GUARDED_BY(mu_);
};

// The replicas of one model, at least one: one for each of the pipeline's threads that compute.
using Replicas = std::vector<std::shared_ptr<Replica>>;

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_REPLICA_H_
