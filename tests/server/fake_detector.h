// A model that tests can hold up, break and look into.
#ifndef BAYESPFL_TESTS_SERVER_FAKE_DETECTOR_H_
#define BAYESPFL_TESTS_SERVER_FAKE_DETECTOR_H_

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <limits>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "model/detection/detector.h"
#include "server/pipeline/replica.h"

namespace bayespfl::server {

// Frames with this seed fail as if the device had; the others of their batch do not.
inline constexpr uint64_t kFailingSeed = 666;
// Frames with this seed cannot be prepared.
inline constexpr uint64_t kUnpreparableSeed = 667;
// A batch with a frame of this seed fails as a whole, as if the device had.
inline constexpr uint64_t kPoisonSeed = 668;
// Frames with these seeds are computed, but a pixel of their map, their score, or a pixel of their deviation map is not
// a number.
inline constexpr uint64_t kNanMapSeed = 669;
inline constexpr uint64_t kNanScoreSeed = 670;
inline constexpr uint64_t kNanDeviationSeed = 671;
// What the fake's map holds, but for its first pixel, which is 1.
inline constexpr float kMapBackground = 0.25F;

// What the fake keeps of a frame: its settings, and as many bytes as its picture has.
class FakePreparedFrame final : public PreparedFrame {
 public:
  FakePreparedFrame(const FrameSettings& settings, size_t bytes) : settings_(settings), bytes_(bytes) {}

  [[nodiscard]] size_t bytes() const override { return bytes_; }
  const FrameSettings& settings() const { return settings_; }

 private:
  const FrameSettings settings_;
  const size_t bytes_;
};

// The category "leather": drawn with seed 7 and 5 samples of "tanned leather"; REVIEW above a score of 0.3, FAIL above
// 0.5.
inline CategoryCalibration LeatherCalibration() {
  CategoryCalibration leather;
  leather.defaults = {.object = "tanned leather",
                      .seed = 7,
                      .samples = 5,
                      .thresholds = {.source = ThresholdSource::kCategory,
                                     .mask = 0.25F,
                                     .lines = {{.rule = DecisionRule::kScore, .review = 0.3F, .fail = 0.5F}}},
                      .ranges = ScoreRanges{.score = {.low = 0, .high = 0.5F}, .map_score = {.low = 0, .high = 1}}};
  leather.provenance.good_pictures = 120;
  leather.provenance.fail_rate = 0.01;
  leather.provenance.review_rate = 0.05;
  leather.provenance.apply_orientation = true;
  Revise(leather);
  return leather;
}

// Score = (seed mod 100) / 100, map score 0.5. Objects that hold "<|" are refused; the category "leather" is
// calibrated, others have the package's mask threshold of 0.75. Thread-safe.
class FakeDetector final : public Detector, public std::enable_shared_from_this<FakeDetector> {
 public:
  explicit FakeDetector(std::string version = "1.0+0123456789ab", std::string digest = "0123456789ab") {
    info_.name = "fake";
    info_.version = std::move(version);
    info_.digest = std::move(digest);
    info_.computation_digest = "ba9876543210";
    info_.device = "cpu";
    info_.image_size = 8;
    info_.default_samples = 3;
    info_.kind = "fake";
    info_.precision = "fp32";
    info_.kernels = "fake kernels";
    info_.iad_sampling = "request";
    info_.default_thresholds = {.source = ThresholdSource::kPackage, .mask = 0.75F};
    info_.categories["leather"] = LeatherCalibration();
  }

  // While held, Compute() waits inside.
  void Hold() {
    MutexLock lock(mu_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mu_);
    held_ = false;
    changed_.NotifyAll();
  }
  // Waits until Compute() was entered `calls` times in all.
  void WaitForCalls(size_t calls) {
    MutexLock lock(mu_);
    while (seeds_.size() < calls) changed_.Wait(mu_);
  }
  // Waits until `frames` frames in all were prepared.
  void WaitForPrepared(size_t frames) {
    MutexLock lock(mu_);
    while (prepared_ < frames) changed_.Wait(mu_);
  }
  // Seeds of the frames of every call so far.
  std::vector<std::vector<uint64_t>> batches() const {
    MutexLock lock(mu_);
    return seeds_;
  }
  // How many frames were computed so far.
  size_t frames() const {
    size_t count = 0;
    for (const std::vector<uint64_t>& batch : batches()) count += batch.size();
    return count;
  }

  // All that it recorded, with the memory that it took.
  void ForgetBatches() {
    MutexLock lock(mu_);
    (void)std::exchange(seeds_, std::vector<std::vector<uint64_t>>());
    (void)std::exchange(map_sizes_, std::vector<MapSize>());
    (void)std::exchange(objects_, std::vector<std::string>());
  }
  // From now on batches() and WaitForCalls() do not count: for tests that look at memory after a long run.
  void StopRecording() {
    MutexLock lock(mu_);
    recording_ = false;
  }

  // The threads that prepared, computed and finished frames so far.
  struct Threads {
    std::set<std::thread::id> prepare;
    std::set<std::thread::id> compute;
    std::set<std::thread::id> finish;
  };
  Threads threads() const {
    MutexLock lock(mu_);
    return threads_;
  }
  // The sizes of the maps that were asked for, in the order of preparation.
  std::vector<MapSize> map_sizes() const {
    MutexLock lock(mu_);
    return map_sizes_;
  }
  // The objects of the prompts, likewise.
  std::vector<std::string> objects() const {
    MutexLock lock(mu_);
    return objects_;
  }

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const bayespfl::Frame& frame) const override {
    MutexLock lock(mu_);
    threads_.prepare.insert(std::this_thread::get_id());
    if (frame.seed == kUnpreparableSeed) return absl::InvalidArgumentError("the picture cannot be prepared");
    ++prepared_;
    if (recording_) {
      map_sizes_.push_back(frame.map_size);
      objects_.push_back(frame.object);
    }
    changed_.NotifyAll();
    return std::make_unique<FakePreparedFrame>(
        FrameSettings{.width = frame.image->width,
                      .height = frame.image->height,
                      .seed = frame.seed,
                      .samples = frame.samples == 0 ? info_.default_samples : frame.samples,
                      .map_size = frame.map_size,
                      .map_deviation = frame.map_deviation,
                      .smooth = frame.smooth},
        frame.image->pixels.size());
  }

  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override {
    std::vector<uint64_t> seeds;
    std::vector<absl::StatusOr<ComputedFrame>> results;
    for (const PreparedFrame* frame : frames) {
      const FrameSettings& settings = static_cast<const FakePreparedFrame*>(frame)->settings();
      seeds.push_back(settings.seed);
      results.push_back(ComputeOne(settings));
    }
    const bool poisoned = std::find(seeds.begin(), seeds.end(), kPoisonSeed) != seeds.end();
    std::this_thread::sleep_for(TimePerFrame() * frames.size());
    MutexLock lock(mu_);
    threads_.compute.insert(std::this_thread::get_id());
    if (recording_) seeds_.push_back(std::move(seeds));
    changed_.NotifyAll();
    if (frames.size() > most_frames_) {
      for (auto& result : results) result = absl::ResourceExhaustedError("the device failed: out of memory");
    }
    while (held_) changed_.Wait(mu_);
    if (failing_calls_ > 0 || broken_ || poisoned) {
      failing_calls_ -= failing_calls_ > 0 ? 1 : 0;
      for (auto& result : results) result = absl::InternalError("the device failed");
    }
    return results;
  }

  // Of the fake nothing is ever freed.
  std::shared_ptr<const FrameHandler> frame_handler() const override { return shared_from_this(); }

  // Stretches nothing: at every size the first pixel alone is 1.
  Detection Finish(ComputedFrame frame) const override {
    {
      MutexLock lock(mu_);
      threads_.finish.insert(std::this_thread::get_id());
    }
    const FrameSettings& settings = frame.settings;
    Detection detection;
    detection.score = frame.score;
    detection.map_score = 0.5F;
    detection.seed = settings.seed;
    detection.samples = settings.samples;
    detection.map =
        settings.map_size == MapSize::kFrame ? MakeMap(settings.width, settings.height) : std::move(frame.map);
    if (settings.map_deviation) detection.map_std = detection.map;
    if (settings.map_deviation && settings.seed == kNanDeviationSeed) detection.map_std.values.back() = kNotANumber;
    return detection;
  }

  // What a rebuild does to this detector, which lives on. Internal: not any more.
  absl::Status Rebuild() {
    MutexLock lock(mu_);
    ++rebuilds_;
    broken_ = false;
    changed_.NotifyAll();
    return rebuilds_ <= most_rebuilds_ ? absl::OkStatus() : absl::InternalError("the device is gone");
  }

  // From now on only `count` more calls of Rebuild() succeed.
  void AllowRebuilds(int count) {
    MutexLock lock(mu_);
    most_rebuilds_ = rebuilds_ + count;
  }
  // From now on Compute() takes this long for each frame.
  void TakePerFrame(std::chrono::milliseconds time) {
    MutexLock lock(mu_);
    time_per_frame_ = time;
  }
  // The next `count` calls of Compute() fail for every frame.
  void FailCalls(int count) {
    MutexLock lock(mu_);
    failing_calls_ = count;
  }
  // Compute() fails for every frame from now until Rebuild().
  void BreakUntilRebuilt() {
    MutexLock lock(mu_);
    broken_ = true;
  }
  // From now on Compute() has no room for more frames at once, >= 0; 0: for none.
  void LimitBatch(size_t frames) {
    MutexLock lock(mu_);
    most_frames_ = frames;
  }
  int rebuilds() const {
    MutexLock lock(mu_);
    return rebuilds_;
  }

  // Called for every frame, before it is accepted; may be empty. Set before the first one.
  std::function<void()> on_validate;

  absl::Status Validate(absl::string_view object, int /*samples*/) const override {
    if (on_validate) on_validate();
    if (object.find("<|") == absl::string_view::npos) return absl::OkStatus();
    return absl::InvalidArgumentError("object holds a special token");
  }

  const ModelInfo& info() const override { return info_; }

 private:
  static constexpr float kNotANumber = std::numeric_limits<float>::quiet_NaN();

  std::chrono::milliseconds TimePerFrame() const {
    MutexLock lock(mu_);
    return time_per_frame_;
  }
  static PixelMap MakeMap(int width, int height) {
    PixelMap map{.width = width, .height = height, .values = {}};
    map.values.assign(static_cast<size_t>(width) * static_cast<size_t>(height), kMapBackground);
    map.values.front() = 1.0F;
    return map;
  }
  absl::StatusOr<ComputedFrame> ComputeOne(const FrameSettings& settings) const {
    if (settings.seed == kFailingSeed) return absl::InternalError("the device failed");
    ComputedFrame computed;
    computed.settings = settings;
    computed.score = static_cast<float>(settings.seed % 100) / 100.0F;
    computed.map = MakeMap(info_.image_size, info_.image_size);
    if (settings.seed == kNanScoreSeed) computed.score = kNotANumber;
    if (settings.seed == kNanMapSeed) computed.map.values.back() = kNotANumber;
    return computed;
  }

  ModelInfo info_;
  mutable Mutex mu_;
  mutable CondVar changed_;
  bool recording_ ABSL_GUARDED_BY(mu_) = true;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  std::chrono::milliseconds time_per_frame_ ABSL_GUARDED_BY(mu_){0};
  size_t most_frames_ ABSL_GUARDED_BY(mu_) = SIZE_MAX;
  mutable int failing_calls_ ABSL_GUARDED_BY(mu_) = 0;
  bool broken_ ABSL_GUARDED_BY(mu_) = false;
  int rebuilds_ ABSL_GUARDED_BY(mu_) = 0;
  int most_rebuilds_ ABSL_GUARDED_BY(mu_) = 1 << 20;
  mutable size_t prepared_ ABSL_GUARDED_BY(mu_) = 0;
  mutable Threads threads_ ABSL_GUARDED_BY(mu_);
  mutable std::vector<MapSize> map_sizes_ ABSL_GUARDED_BY(mu_);
  mutable std::vector<std::string> objects_ ABSL_GUARDED_BY(mu_);
  mutable std::vector<std::vector<uint64_t>> seeds_ ABSL_GUARDED_BY(mu_);
};

// The detector as a replica; when that is rebuilt, the same detector serves on.
inline std::shared_ptr<Replica> ReplicaOf(const std::shared_ptr<FakeDetector>& detector) {
  const auto reload = [detector]() -> absl::StatusOr<std::shared_ptr<const Detector>> {
    const absl::Status rebuilt = detector->Rebuild();
    if (!rebuilt.ok()) return rebuilt;
    return detector;
  };
  return std::make_shared<Replica>(detector, reload);
}

// One replica for each detector.
inline Replicas ReplicasOf(const std::vector<std::shared_ptr<FakeDetector>>& detectors) {
  Replicas replicas;
  for (const std::shared_ptr<FakeDetector>& detector : detectors) replicas.push_back(ReplicaOf(detector));
  return replicas;
}

// What ServerOptions::loader takes: gives this detector for every package.
inline auto LoaderOf(std::shared_ptr<FakeDetector> detector) {
  return [detector = std::move(detector)](const std::string& /*package_dir*/) {
    return absl::StatusOr<Replicas>(ReplicasOf({detector}));
  };
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_FAKE_DETECTOR_H_
