// A model on one device, as one thread of the pipeline runs it.
#ifndef BAYESPFL_SERVER_PIPELINE_REPLICA_H_
#define BAYESPFL_SERVER_PIPELINE_REPLICA_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "model/detection/detector.h"
#include "server/pipeline/shared_weights.h"

namespace bayespfl::server {

// What happens before and after the device needs no weights, and goes on while they are rebuilt and when they are lost.
// Thread-safe, but for a Rebuild() beside another detector() of the same object.
class Replica {
 public:
  // A replica by itself.
  Replica(std::shared_ptr<const Detector> detector, Reload reload);
  // One of those that share the weights; `handler` is their detector's.
  Replica(std::shared_ptr<const FrameHandler> handler, std::shared_ptr<SharedWeights> weights);
  Replica(const Replica&) = delete;
  Replica& operator=(const Replica&) = delete;

  // What prepares and finishes the frames that any detector of this model computes.
  const FrameHandler& frame_handler() const { return *handler_; }

  // The one that computes now, for one call; frames that were prepared before it was loaded are good for it. Null: the
  // weights are being rebuilt, or lost.
  std::shared_ptr<const Detector> detector();

  // Of the package, and so of every detector that serves here.
  const ModelInfo& info() const { return handler_->info(); }

  // Whether detector() gives one now, and whether it does or will.
  bool ready() const { return weights_->ready(); }
  bool works() const { return weights_->work(); }

  // SharedWeights::Rebuild() of what the last call of detector() gave, whose Compute() failed.
  absl::Status Rebuild(const Proof& proof) { return weights_->Rebuild(borrowed_, proof); }

 private:
  const std::shared_ptr<const FrameHandler> handler_;
  const std::shared_ptr<SharedWeights> weights_;
  std::atomic<uint64_t> borrowed_{0};
};

// The replicas of one model, at least one: one for each of the pipeline's threads that compute.
using Replicas = std::vector<std::shared_ptr<Replica>>;

// `count` >= 1 replicas on one device, which share this detector; it belongs to nobody else.
Replicas MakeReplicas(std::shared_ptr<const Detector> detector, Reload reload, size_t count);

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_REPLICA_H_
