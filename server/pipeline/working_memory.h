// The memory that frames take while a thread works on them: pictures that are being decoded, maps that are being
// encoded. A frame that waits has no share of it.
//
//   const WorkingMemory::Share share = memory.Take(bytes);  // perhaps after a while
#ifndef BAYESPFL_SERVER_PIPELINE_WORKING_MEMORY_H_
#define BAYESPFL_SERVER_PIPELINE_WORKING_MEMORY_H_

#include <cstdint>
#include <functional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "base/mutex.h"

namespace bayespfl::server {

// Thread-safe.
class WorkingMemory {
 public:
  // Given back when it is destroyed. Not thread-safe.
  class Share {
   public:
    Share() = default;  // of nothing
    ~Share() {
      if (memory_ != nullptr) memory_->GiveBack(bytes_);
    }
    Share(Share&& other) noexcept : memory_(std::exchange(other.memory_, nullptr)), bytes_(other.bytes_) {}
    Share& operator=(Share&& other) noexcept {
      std::swap(memory_, other.memory_);
      std::swap(bytes_, other.bytes_);
      return *this;
    }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

   private:
    friend class WorkingMemory;
    Share(WorkingMemory& memory, int64_t bytes) : memory_(&memory), bytes_(bytes) {}

    WorkingMemory* memory_ = nullptr;
    int64_t bytes_ = 0;
  };

  // `max_bytes` >= 1. `on_change` is told of every change of what is taken; it is quick and never calls back.
  WorkingMemory(int64_t max_bytes, std::function<void(int64_t change)> on_change)
      : max_bytes_(max_bytes), on_change_(std::move(on_change)) {}
  WorkingMemory(const WorkingMemory&) = delete;
  WorkingMemory& operator=(const WorkingMemory&) = delete;

  // Waits until the shares of others leave room for `bytes` >= 0, and until those who came before have theirs; nobody
  // waits for nothing. More than there is at all is given to one alone. Whoever has a share must not ask for another.
  [[nodiscard]] Share Take(int64_t bytes);

 private:
  void GiveBack(int64_t bytes);

  const int64_t max_bytes_;
  const std::function<void(int64_t)> on_change_;
  Mutex mu_;
  CondVar changed_;
  int64_t taken_ ABSL_GUARDED_BY(mu_) = 0;
  uint64_t next_ticket_ ABSL_GUARDED_BY(mu_) = 0;  // of whoever comes next
  uint64_t serving_ ABSL_GUARDED_BY(mu_) = 0;      // the ticket of whoever is next to get a share
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_SERVER_PIPELINE_WORKING_MEMORY_H_
