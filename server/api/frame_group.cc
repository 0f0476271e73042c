#include "server/api/frame_group.h"

#include <cstddef>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "base/mutex.h"
#include "server/pipeline/error_reason.h"

namespace bayespfl::server {
namespace {

size_t MapBytes(const InspectionOutcome& outcome) {
  size_t bytes = 0;
  for (const auto& map : {&outcome.anomaly_map, &outcome.deviation_map}) {
    if (map->has_value()) bytes += (*map)->data.size();
  }
  if (outcome.mask.has_value()) bytes += outcome.mask->data.size();
  return bytes;
}

// Thread-safe. Kept alive by the callbacks of its frames.
class FrameGroup : public std::enable_shared_from_this<FrameGroup> {
 public:
  FrameGroup(Pipeline& pipeline, size_t frames, size_t max_map_bytes, std::shared_ptr<CancellationToken> cancellation,
             std::function<void(GroupResult)> done)
      : pipeline_(pipeline),
        frames_(frames),
        max_map_bytes_(max_map_bytes),
        cancellation_(std::move(cancellation)),
        done_(std::move(done)),
        inside_(frames + 1),
        outcomes_(frames) {}

  void Submit(std::vector<FrameRequest> frames) {
    for (FrameRequest& frame : frames) frame.cancellation = cancellation_;
    std::optional<size_t> at_fault;
    const absl::Status accepted = pipeline_.SubmitTogether(
        std::move(frames),
        [self = shared_from_this()](size_t index, FrameResult result) { self->Answer(index, std::move(result)); },
        &at_fault);
    if (!accepted.ok()) return done_(at_fault.has_value() ? InImage(*at_fault, accepted) : accepted);
    Leave();
  }

 private:
  void Leave() {
    {
      MutexLock lock(mu_);
      if (--inside_ > 0) return;
    }
    done_(Result());
  }

  void Answer(size_t index, FrameResult result) {
    const absl::Status failure =
        result.ok() ? Keep(index, *std::move(result)) : InImage(index, std::move(result).status());
    // Cancelling answers those that wait, in this thread; none of them is the first to fail.
    if (!failure.ok() && NoteFailure(failure)) pipeline_.Cancel(*cancellation_);
    Leave();
  }

  absl::Status Keep(size_t index, InspectionOutcome outcome) {
    MutexLock lock(mu_);
    if (failure_.has_value()) return *failure_;
    map_bytes_ += MapBytes(outcome);
    if (map_bytes_ > max_map_bytes_) {
      return absl::InvalidArgumentError(absl::StrCat("the maps have more than the ", max_map_bytes_,
                                                     " bytes of a reply; send fewer pictures, or ask for resolution ",
                                                     "\"model\""));
    }
    outcomes_[index] = std::move(outcome);
    return absl::OkStatus();
  }

  absl::Status InImage(size_t index, const absl::Status& status) const {
    if (frames_ == 1) return status;
    return WithMessage(status, absl::StrCat("image[", index, "]: ", status.message()));
  }

  // True for the first one.
  bool NoteFailure(const absl::Status& status) {
    MutexLock lock(mu_);
    if (failure_.has_value()) return false;
    failure_ = status;
    outcomes_.clear();  // nobody will want them
    return true;
  }

  GroupResult Result() {
    MutexLock lock(mu_);
    if (failure_.has_value()) return *failure_;
    return std::move(outcomes_);
  }

  Pipeline& pipeline_;
  const size_t frames_;
  const size_t max_map_bytes_;
  const std::shared_ptr<CancellationToken> cancellation_;
  const std::function<void(GroupResult)> done_;

  Mutex mu_;
  size_t inside_ ABSL_GUARDED_BY(mu_);         // frames without an answer, and Submit() itself
  size_t map_bytes_ ABSL_GUARDED_BY(mu_) = 0;  // of all outcomes so far
  std::vector<InspectionOutcome> outcomes_ ABSL_GUARDED_BY(mu_);
  std::optional<absl::Status> failure_ ABSL_GUARDED_BY(mu_);
};

}  // namespace

void SubmitGroup(Pipeline& pipeline, std::vector<FrameRequest> frames, size_t max_map_bytes,
                 std::shared_ptr<CancellationToken> cancellation, std::function<void(GroupResult)> done) {
  const size_t count = frames.size();
  std::make_shared<FrameGroup>(pipeline, count, max_map_bytes, std::move(cancellation), std::move(done))
      ->Submit(std::move(frames));
}

}  // namespace bayespfl::server
