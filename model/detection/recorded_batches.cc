#include "model/detection/recorded_batches.h"

#include <c10/core/StreamGuard.h>

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "base/mutex.h"
#include "model/detection/device_errors.h"
#include "model/detection/device_stream.h"

namespace bayespfl {

absl::StatusOr<std::unique_ptr<Recording>> Recording::Make(const BayesPflGraphModule& module, c10::Stream stream,
                                                           absl::Span<const std::function<void()>> steps,
                                                           const Recording* neighbour) {
  static Mutex one_at_a_time;
  const MutexLock lock(one_at_a_time);
  const c10::StreamGuard on_stream(stream);
  std::unique_ptr<Recording> recording(new Recording(module));
  const BayesPflGraph* shares = neighbour != nullptr ? neighbour->graphs_.front() : nullptr;
  const auto refused = [&](absl::string_view what) {
    return absl::InternalError(absl::StrCat(what, ": ", module.LastError()));
  };
  for (const std::function<void()>& step : steps) {
    BayesPflGraph* const graph = module.Create(stream.device_index(), shares);
    if (graph == nullptr) return refused("there is no graph");
    recording->graphs_.push_back(graph);
    shares = graph;
    if (module.Begin(graph) != 0) return refused("recording cannot begin");
    const absl::Status done = CatchDeviceErrors(absl::StatusCode::kInternal, "a step cannot be recorded", [&] {
      step();
      return absl::OkStatus();
    });
    if (!done.ok()) return done;
    if (module.End(graph) != 0) return refused("recording failed");
  }
  return recording;
}

Recording::~Recording() {
  // The last one first: it may be in the middle of its recording.
  for (auto graph = graphs_.rbegin(); graph != graphs_.rend(); ++graph) module_.Destroy(*graph);
}

void Recording::Replay(size_t step) const {
  TORCH_CHECK(module_.Replay(graphs_[step]) == 0, "a recorded step cannot be repeated: ", module_.LastError());
}

RecordedBatches::RecordedBatches(const BayesPflGraphModule& module, RecordedBatchesOptions options)
    : module_(module), options_(std::move(options)) {}

RecordedBatches::Turn RecordedBatches::Begin(const BatchShape& shape) {
  if (busy_.test_and_set(std::memory_order_acquire)) return {};
  Turn turn(this, Way::kOrdinary);
  if (gave_up_) return turn;
  const auto found = std::find_if(shapes_.begin(), shapes_.end(), [&](const Shape& one) { return one.shape == shape; });
  if (found != shapes_.end()) {
    shapes_.splice(shapes_.begin(), shapes_, found);
  } else {
    if (shapes_.size() == kMostShapes) shapes_.pop_back();
    shapes_.push_front({.shape = shape});
  }
  turn.way_ = WayOf(shapes_.front());
  return turn;
}

RecordedBatches::Way RecordedBatches::WayOf(Shape& shape) {
  if (shape.is_trusted) {
    replays_.fetch_add(1, std::memory_order_relaxed);
    return Way::kReplay;
  }
  if (shape.recording != nullptr) return Way::kCompare;
  return ++shape.batches > kBatchesBefore ? Way::kRecord : Way::kOrdinary;
}

void RecordedBatches::Turn::Record(torch::Device device, absl::Span<const std::function<void()>> steps,
                                   const std::function<Recording::Tensors()>& tensors) {
  owner_->MakeRoom();
  if (!owner_->stream_.has_value()) owner_->stream_ = MakeRecordingStream(device);
  auto recording = Recording::Make(owner_->module_, *owner_->stream_, steps, owner_->AnyRecording());
  if (!recording.ok()) {
    GiveUp(std::string(recording.status().message()));
    return;
  }
  (*recording)->tensors = tensors();
  owner_->shapes_.front().recording = *std::move(recording);
}

void RecordedBatches::Turn::GiveUp(const std::string& why) {
  if (owner_ != nullptr) owner_->GiveUp(why);
}

void RecordedBatches::Turn::Forget() {
  if (owner_ != nullptr) owner_->shapes_.clear();
}

void RecordedBatches::MakeRoom() {
  const auto recorded = [](const Shape& shape) { return shape.recording != nullptr; };
  if (static_cast<size_t>(std::count_if(shapes_.begin(), shapes_.end(), recorded)) < options_.most) return;
  Shape& oldest = *std::find_if(shapes_.rbegin(), shapes_.rend(), recorded);
  oldest = {.shape = std::move(oldest.shape)};  // counted anew: shapes that take turns do not record without end
}

const Recording* RecordedBatches::AnyRecording() const {
  for (const Shape& shape : shapes_) {
    if (shape.recording != nullptr) return shape.recording.get();
  }
  return nullptr;
}

void RecordedBatches::GiveUp(const std::string& why) {
  if (gave_up_) return;
  gave_up_ = true;
  shapes_.clear();
  if (options_.notice) {
    options_.notice(absl::StrCat("batches are no longer recorded, and computed in the ordinary way: ", why));
  }
}

}  // namespace bayespfl
