// Batches whose work an accelerator has recorded, so that it is given to the device again at once and not operator by
// operator: CUDA graphs. A batch is many hundreds of small steps, and of a small one the device waits for the next of
// them longer than it computes.
//
// A recording is of one shape of batch, and always computes with the same memory: what was sent goes into the tensor
// that it was recorded with. A shape is recorded when it has come a few times (which also warms up what libraries set
// up at a first call), behind a batch that was computed in the ordinary way; the next batch of the shape is computed in
// both ways, and only when they agree the recording is used from then on. Whatever fails, the batch has its results
// from the ordinary way, a sentence says so, and nothing is recorded any more.
#ifndef BAYESPFL_MODEL_DETECTION_RECORDED_BATCHES_H_
#define BAYESPFL_MODEL_DETECTION_RECORDED_BATCHES_H_

#include <c10/core/Stream.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "model/graph_module/graph_module.h"
#include "model/libtorch.h"

namespace bayespfl {

// All that decides what the device is asked to do for a batch.
using BatchShape = std::vector<int64_t>;

// A batch's work, recorded in steps. Not thread-safe.
class Recording {
 public:
  // The tensors that it computes with, again and again.
  struct Tensors {
    torch::Tensor input;                 // all that is sent, in bytes
    std::vector<torch::Tensor> results;  // as of BatchWork
    torch::Tensor gathered;
  };

  // Records each of `steps`; they are not done. `stream`: one that nobody gives work to meanwhile, since that would be
  // recorded with it. `neighbour`: a recording whose memory it may share, since they are not replayed at the same time;
  // or null. One recording at a time is made in a process. Internal: the device or a step fails, with the module's or
  // the exception's words.
  static absl::StatusOr<std::unique_ptr<Recording>> Make(const BayesPflGraphModule& module, c10::Stream stream,
                                                         absl::Span<const std::function<void()>> steps,
                                                         const Recording* neighbour);
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;
  ~Recording();  // requires that no replay is still going on

  // Gives the step to the current stream. Throws c10::Error when the device fails.
  void Replay(size_t step) const;
  size_t steps() const { return graphs_.size(); }

  Tensors tensors;

 private:
  explicit Recording(const BayesPflGraphModule& module) : module_(module) {}

  const BayesPflGraphModule& module_;
  std::vector<BayesPflGraph*> graphs_;
};

struct RecordedBatchesOptions {
  size_t most = 0;  // recordings at a time; a new one takes the place of the one that was longest not used
  // Is told in a sentence, in the thread that computes, why nothing is recorded any more.
  std::function<void(const std::string&)> notice = {};
};

// Thread-safe.
class RecordedBatches {
 public:
  enum class Way {
    kOrdinary,
    kRecord,   // the ordinary way, and then it is recorded
    kCompare,  // both ways
    kReplay,   // the recording's
  };

  // So often a shape is computed in the ordinary way before it is recorded.
  static constexpr int kBatchesBefore = 3;
  // Shapes that are counted; the one that was longest not seen is forgotten.
  static constexpr size_t kMostShapes = 64;

  RecordedBatches(const BayesPflGraphModule& module, RecordedBatchesOptions options);
  RecordedBatches(const RecordedBatches&) = delete;
  RecordedBatches& operator=(const RecordedBatches&) = delete;

  // One batch's turn. At most one at a time has the recordings; for others it is the ordinary way.
  class Turn {
   public:
    Turn() = default;
    Turn(Turn&& other) noexcept : owner_(std::exchange(other.owner_, nullptr)), way_(other.way_) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() {
      if (owner_ != nullptr) owner_->busy_.clear(std::memory_order_release);
    }

    Way way() const { return way_; }
    // With kCompare and kReplay.
    const Recording& recording() const { return *owner_->shapes_.front().recording; }

    // With kRecord: records `steps` as Recording::Make(), and keeps what `tensors` gives then.
    void Record(torch::Device device, absl::Span<const std::function<void()>> steps,
                const std::function<Recording::Tensors()>& tensors);
    // With kCompare: from now on it is used.
    void Trust() { owner_->shapes_.front().is_trusted = true; }
    // Nothing is recorded any more, and all recordings are dropped. Requires that no replay is still going on.
    void GiveUp(const std::string& why);
    // Drops all recordings, for the sake of their memory; they may be made again. Requires the same.
    void Forget();

   private:
    friend class RecordedBatches;
    Turn(RecordedBatches* owner, Way way) : owner_(owner), way_(way) {}

    RecordedBatches* owner_ = nullptr;
    Way way_ = Way::kOrdinary;
  };
  Turn Begin(const BatchShape& shape);

  int64_t replays() const { return replays_.load(std::memory_order_relaxed); }  // batches so far

 private:
  struct Shape {
    BatchShape shape;
    int batches = 0;  // in the ordinary way
    std::unique_ptr<Recording> recording = nullptr;
    bool is_trusted = false;
  };

  Way WayOf(Shape& shape);
  void MakeRoom();
  const Recording* AnyRecording() const;
  void GiveUp(const std::string& why);

  const BayesPflGraphModule& module_;
  const RecordedBatchesOptions options_;
  std::atomic_flag busy_;              // whoever has set it uses what stands below
  std::optional<c10::Stream> stream_;  // that recordings are made on
  std::list<Shape> shapes_;            // the last used first
  bool gave_up_ = false;
  std::atomic<int64_t> replays_ = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_RECORDED_BATCHES_H_
