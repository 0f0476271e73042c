#include "model/detection/stream_pool.h"

#include "model/detection/device_stream.h"

namespace bayespfl {

StreamPool::Lease StreamPool::Take() {
  {
    const MutexLock lock(mutex_);
    if (!free_.empty()) {
      const c10::Stream stream = free_.back();
      free_.pop_back();
      return {this, stream};
    }
  }
  return {this, MakeStream(device_)};
}

StreamPool::Lease::~Lease() {
  if (!stream_.has_value()) return;
  const MutexLock lock(pool_->mutex_);
  pool_->free_.push_back(*stream_);
}

}  // namespace bayespfl
