#include "server/pipeline/replica.h"

#include <utility>

namespace bayespfl::server {

Replica::Replica(std::shared_ptr<const Detector> detector, Reload reload)
    : handler_(detector->frame_handler()), weights_(SharedWeights::Create(std::move(detector), std::move(reload))) {}

Replica::Replica(std::shared_ptr<const FrameHandler> handler, std::shared_ptr<SharedWeights> weights)
    : handler_(std::move(handler)), weights_(std::move(weights)) {}

std::shared_ptr<const Detector> Replica::detector() {
  SharedWeights::Loan loan = weights_->Borrow();
  if (loan.detector != nullptr) borrowed_ = loan.number;
  return std::move(loan.detector);
}

Replicas MakeReplicas(std::shared_ptr<const Detector> detector, Reload reload, size_t count) {
  const std::shared_ptr<const FrameHandler> handler = detector->frame_handler();
  const std::shared_ptr<SharedWeights> weights = SharedWeights::Create(std::move(detector), std::move(reload));
  Replicas replicas;
  for (size_t i = 0; i < count; ++i) replicas.push_back(std::make_shared<Replica>(handler, weights));
  return replicas;
}

}  // namespace bayespfl::server
