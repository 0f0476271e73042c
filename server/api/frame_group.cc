#include "server/api/frame_group.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "server/pipeline/mutex.h"

namespace bayespfl::server {
namespace {

// Thread-safe. Kept alive by the callbacks of its frames.
class FrameGroup : public std::enable_shared_from_this<FrameGroup> {
 public:
  FrameGroup(Pipeline& pipeline, size_t frames, std::shared_ptr<CancellationToken> cancellation,
             std::function<void(GroupResult)> done)
      : pipeline_(pipeline), cancellation_(std::move(cancellation)), done_(std::move(done)), outcomes_(frames) {}

  void Submit(std::vector<FrameRequest> frames) {
    for (size_t i = 0; i < frames.size() && !Failed(); ++i) {
      Enter();
      frames[i].cancellation = cancellation_;
      const absl::Status accepted =
          pipeline_.Submit(std::move(frames[i]),
                           [self = shared_from_this(), i](FrameResult result) { self->Answer(i, std::move(result)); });
      if (!accepted.ok()) Answer(i, accepted);
    }
    Leave();
  }

 private:
  bool Failed() {
    MutexLock lock(mu_);
    return failure_.has_value();
  }

  void Enter() {
    MutexLock lock(mu_);
    ++inside_;
  }

  void Leave() {
    {
      MutexLock lock(mu_);
      if (--inside_ > 0) return;
    }
    done_(Result());
  }

  void Answer(size_t index, FrameResult result) {
    if (!result.ok()) {
      // Answers those that wait, in this thread; none of them is the first to fail.
      if (NoteFailure(index, result.status())) pipeline_.Cancel(*cancellation_);
    } else {
      MutexLock lock(mu_);
      outcomes_[index] = *std::move(result);
    }
    Leave();
  }

  // True for the first one.
  bool NoteFailure(size_t index, const absl::Status& status) {
    MutexLock lock(mu_);
    if (failure_.has_value()) return false;
    failure_ = outcomes_.size() == 1
                   ? status
                   : absl::Status(status.code(), absl::StrCat("image[", index, "]: ", status.message()));
    return true;
  }

  GroupResult Result() {
    MutexLock lock(mu_);
    if (failure_.has_value()) return *failure_;
    return std::move(outcomes_);
  }

  Pipeline& pipeline_;
  const std::shared_ptr<CancellationToken> cancellation_;
  const std::function<void(GroupResult)> done_;

  Mutex mu_;
  size_t inside_ ABSL_GUARDED_BY(mu_) = 1;  // frames without an answer, and Submit() itself
  std::vector<InspectionOutcome> outcomes_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Status> failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

void SubmitGroup(Pipeline& pipeline, std::vector<FrameRequest> frames, std::shared_ptr<CancellationToken> cancellation,
                 std::function<void(GroupResult)> done) {
  const size_t count = frames.size();
  std::make_shared<FrameGroup>(pipeline, count, std::move(cancellation), std::move(done))->Submit(std::move(frames));
}

}  // namespace bayespfl::server
