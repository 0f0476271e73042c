#include "server/runtime/drain.h"

#include <cstdint>
#include <utility>

namespace bayespfl::server {

Drain::Drain(ServerState& state, DrainOptions options, Logger logger)
    : state_(state), options_(std::move(options)), logger_(std::move(logger)) {}

Drain::~Drain() { Wait(); }

void Drain::Begin() {
  MutexLock lock(mu_);
  if (std::exchange(begun_, true)) return;
  const bool served = state_.EnterLameDuck();
  options_.on_phase();
  thread_ = std::thread([this, served] { Run(served); });
}

void Drain::Wait() {
  if (thread_.joinable()) thread_.join();
}

// Load balancers, and Kubernetes' endpoints, hear of a server that is not ready only after a while, and send work until
// then: it is taken, so that no client sees a stop that others could have kept from it.
void Drain::Run(bool wait_for_balancers) {
  if (wait_for_balancers) {
    logger_->Info("about to drain", {{"seconds", int64_t{options_.delay.count()}}});
    std::this_thread::sleep_for(options_.delay);
  }
  logger_->Info("draining");
  options_.end_streams();  // first: what a stream has read is still accepted
  state_.StartDraining();
  options_.end_streams();  // those that opened in between
  options_.on_phase();
}

}  // namespace bayespfl::server
