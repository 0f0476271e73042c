// The streams of a model on an accelerator: each of its replicas computes on one of its own, so that their batches may
// overlap there.
#ifndef BAYESPFL_MODEL_DETECTION_STREAM_POOL_H_
#define BAYESPFL_MODEL_DETECTION_STREAM_POOL_H_

#include <c10/core/Stream.h>

#include <optional>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"
#include "model/libtorch.h"

namespace bayespfl {

// As many as were ever wanted at a time. The one that was given back last is handed out first, since LibTorch keeps the
// memory that a stream has used for that stream alone. Thread-safe.
class StreamPool {
 public:
  explicit StreamPool(torch::Device device) : device_(device) {}
  StreamPool(const StreamPool&) = delete;
  StreamPool& operator=(const StreamPool&) = delete;

  // A stream that nobody else has meanwhile. It goes back when this is destroyed; the work that it was given should be
  // done by then, since whoever is next waits for it. Borrows the pool.
  class Lease {
   public:
    Lease(Lease&& other) noexcept
        : pool_(std::exchange(other.pool_, nullptr)), stream_(std::exchange(other.stream_, std::nullopt)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();

    // Nullopt on the CPU, which has none.
    const std::optional<c10::Stream>& stream() const { return stream_; }

   private:
    friend class StreamPool;
    Lease(StreamPool* pool, std::optional<c10::Stream> stream) : pool_(pool), stream_(stream) {}

    StreamPool* pool_;
    std::optional<c10::Stream> stream_;
  };
  // Throws c10::Error when the device fails.
  Lease Take();

 private:
  const torch::Device device_;
  Mutex mutex_;
  std::vector<c10::Stream> free_ ABSL_GUARDED_BY(mutex_);  // the last given back last
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_STREAM_POOL_H_
