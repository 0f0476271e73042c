// A model's weights on one device, for all replicas there, and how they are loaded again when the device failed.
#ifndef BAYESPFL_SERVER_PIPELINE_SHARED_WEIGHTS_H_
#define BAYESPFL_SERVER_PIPELINE_SHARED_WEIGHTS_H_

#include <cstdint>
#include <functional>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/mutex.h"
#include "model/detection/detector.h"

namespace bayespfl::server {

// Loads a detector in the place of one that is gone.
using Reload = std::function<absl::StatusOr<std::shared_ptr<const Detector>>()>;
// Says whether a detector computes; it is not used before that.
using Proof = std::function<absl::Status(const Detector& detector)>;

// There is never more than one copy of the weights: the old one is freed before the new one is loaded. Thread-safe.
class SharedWeights : public std::enable_shared_from_this<SharedWeights> {
 public:
  // `detector` belongs to nobody else.
  static std::shared_ptr<SharedWeights> Create(std::shared_ptr<const Detector> detector, Reload reload);
  SharedWeights(const SharedWeights&) = delete;
  SharedWeights& operator=(const SharedWeights&) = delete;

  // The detector, for one call of it, and which one it is, counted from 0. Null: there is none, for now or for good.
  struct Loan {
    std::shared_ptr<const Detector> detector;
    uint64_t number = 0;
  };
  Loan Borrow();

  // Whether Borrow() gives something now, and whether it does or will.
  bool ready() const;
  bool work() const;

  // Waits until every loan has been given back, frees the weights of detector `failed`, loads new ones and, when they
  // prove themselves, lends those. When somebody else has begun to do so, waits for what comes of it.
  // FailedPrecondition: the package on the disk has changed since it was loaded. Else as reload and proof say. After an
  // error nothing works any more. Requires that the caller has given back what it borrowed.
  absl::Status Rebuild(uint64_t failed, const Proof& proof);

 private:
  enum class State { kReady, kRebuilding, kLost };

  SharedWeights(std::shared_ptr<const Detector> detector, Reload reload);
  void GiveBack();
  absl::StatusOr<std::shared_ptr<const Detector>> Load(const Proof& proof) const;

  const Reload reload_;
  const ModelInfo info_;
  mutable Mutex mu_;
  CondVar changed_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kReady;
  absl::Status lost_ ABSL_GUARDED_BY(mu_);  // why
  std::shared_ptr<const Detector> detector_ ABSL_GUARDED_BY(mu_);
  uint64_t number_ ABSL_GUARDED_BY(mu_) = 0;
  int loans_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_SHARED_WEIGHTS_H_
