// A model that tests can hold up, break and look into.
#ifndef BAYESPFL_TESTS_SERVER_FAKE_EXECUTOR_H_
#define BAYESPFL_TESTS_SERVER_FAKE_EXECUTOR_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "base/mutex.h"
#include "server/pipeline/executor.h"

namespace bayespfl::server {

// Frames with this seed fail as if the device had.
inline constexpr uint64_t kFailingSeed = 666;
// What the fake's map holds, but for its first pixel, which is 1.
inline constexpr float kMapBackground = 0.25F;

// Score = (seed mod 100) / 100. Categories that hold "<|" are refused; "leather" is calibrated, others have the
// package's mask threshold. Thread-safe.
class FakeExecutor final : public Executor {
 public:
  FakeExecutor() {
    info_.name = "fake";
    info_.version = "1.0+0123456789ab";
    info_.digest = "0123456789ab";
    info_.device = "cpu";
    info_.image_size = 8;
    info_.default_samples = 3;
    info_.mask_threshold = 0.75F;
    info_.calibrated = true;
    info_.iad_sampling = "request";
    info_.calibrated_categories.push_back(
        {.category = "leather", .mask_threshold = 0.25F, .score_threshold = 0.5F, .good_pictures = 120});
  }

  // While held, Execute() waits inside.
  void Hold() {
    MutexLock lock(mu_);
    held_ = true;
  }
  void Release() {
    MutexLock lock(mu_);
    held_ = false;
    changed_.NotifyAll();
  }
  // Waits until Execute() was entered `calls` times in all.
  void WaitForCalls(size_t calls) {
    MutexLock lock(mu_);
    while (seeds_.size() < calls) changed_.Wait(mu_);
  }
  // Seeds of the frames of every call so far.
  std::vector<std::vector<uint64_t>> batches() const {
    MutexLock lock(mu_);
    return seeds_;
  }

  void ForgetBatches() {
    MutexLock lock(mu_);
    seeds_ = {};
  }
  // From now on batches() and WaitForCalls() do not count: for tests that look at memory after a long run.
  void StopRecording() {
    MutexLock lock(mu_);
    recording_ = false;
  }

  std::vector<absl::StatusOr<Detection>> Execute(absl::Span<const bayespfl::Frame> frames) override {
    std::vector<uint64_t> seeds;
    std::vector<absl::StatusOr<Detection>> results;
    for (const bayespfl::Frame& frame : frames) {
      seeds.push_back(frame.seed);
      results.push_back(Detect(frame));
    }
    std::this_thread::sleep_for(TimePerFrame() * frames.size());
    MutexLock lock(mu_);
    if (recording_) seeds_.push_back(std::move(seeds));
    changed_.NotifyAll();
    while (held_) changed_.Wait(mu_);
    if (failing_calls_ > 0) {
      --failing_calls_;
      for (auto& result : results) result = absl::InternalError("the device failed");
    }
    return results;
  }

  absl::Status Rebuild() override {
    MutexLock lock(mu_);
    ++rebuilds_;
    changed_.NotifyAll();
    return rebuilds_ <= most_rebuilds_ ? absl::OkStatus() : absl::InternalError("the device is gone");
  }

  // From now on only `count` more calls of Rebuild() succeed.
  void AllowRebuilds(int count) {
    MutexLock lock(mu_);
    most_rebuilds_ = rebuilds_ + count;
  }
  // From now on Execute() takes this long for each frame.
  void TakePerFrame(std::chrono::milliseconds time) {
    MutexLock lock(mu_);
    time_per_frame_ = time;
  }
  // The next `count` calls of Execute() fail for every frame.
  void FailCalls(int count) {
    MutexLock lock(mu_);
    failing_calls_ = count;
  }
  int rebuilds() const {
    MutexLock lock(mu_);
    return rebuilds_;
  }

  absl::Status Validate(absl::string_view category, int /*samples*/) const override {
    if (category.find("<|") == absl::string_view::npos) return absl::OkStatus();
    return absl::InvalidArgumentError("category holds a special token");
  }

  const ModelInfo& info() const override { return info_; }

 private:
  std::chrono::milliseconds TimePerFrame() const {
    MutexLock lock(mu_);
    return time_per_frame_;
  }
  absl::StatusOr<Detection> Detect(const bayespfl::Frame& frame) const {
    if (frame.seed == kFailingSeed) return absl::InternalError("the device failed");
    Detection detection;
    detection.score = static_cast<float>(frame.seed % 100) / 100.0F;
    detection.text_score = detection.score;
    detection.map_score = 0.5F;
    detection.thresholds = frame.category == "leather"
                               ? CategoryThresholds{.mask = 0.25F, .calibrated = true, .score = 0.5F}
                               : CategoryThresholds{.mask = info_.mask_threshold, .calibrated = info_.calibrated};
    detection.seed = frame.seed;
    detection.samples = frame.samples == 0 ? info_.default_samples : frame.samples;
    const bool frame_size = frame.map_size == MapSize::kFrame;
    PixelMap& map = detection.map;
    map.width = frame_size ? frame.image->width : info_.image_size;
    map.height = frame_size ? frame.image->height : info_.image_size;
    map.values.assign(static_cast<size_t>(map.width) * static_cast<size_t>(map.height), kMapBackground);
    map.values.front() = 1.0F;
    if (frame.map_deviation) detection.map_std = map;
    return detection;
  }

  ModelInfo info_;
  mutable Mutex mu_;
  CondVar changed_;
  bool recording_ ABSL_GUARDED_BY(mu_) = true;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  std::chrono::milliseconds time_per_frame_ ABSL_GUARDED_BY(mu_){0};
  int failing_calls_ ABSL_GUARDED_BY(mu_) = 0;
  int rebuilds_ ABSL_GUARDED_BY(mu_) = 0;
  int most_rebuilds_ ABSL_GUARDED_BY(mu_) = 1 << 20;
  std::vector<std::vector<uint64_t>> seeds_ ABSL_GUARDED_BY(mu_);
};

// What ServerOptions::loader takes: gives this executor for every package.
inline auto LoaderOf(std::shared_ptr<Executor> executor) {
  return [executor = std::move(executor)](const std::string& /*package_dir*/) {
    return absl::StatusOr<Replicas>(Replicas{executor});
  };
}

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_FAKE_EXECUTOR_H_
