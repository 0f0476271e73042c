// A pipeline over the stand-in model, and what its tests look at.
#ifndef BAYESPFL_TESTS_SERVER_PIPELINE_FIXTURE_H_
#define BAYESPFL_TESTS_SERVER_PIPELINE_FIXTURE_H_

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "server/pipeline/pipeline.h"
#include "server/pipeline/refusal.h"
#include "tests/server/fake_detector.h"
#include "tests/server/until.h"

namespace bayespfl::server {

// Sums of everything the pipeline reports.
class CountingObserver final : public PipelineObserver {
 public:
  void OnQueueChange(PipelineQueue queue, int frames, int64_t bytes) override {
    queued += frames;
    queued_bytes += bytes;
    if (queue == PipelineQueue::kAdmission) waiting_at_door += frames;
    if (queue == PipelineQueue::kAdmission) bytes_at_door += bytes;
    if (queue == PipelineQueue::kExecute) waiting_for_model += frames;
    if (queue != PipelineQueue::kRender) return;
    const int waiting = waiting_to_render += frames;
    int most = most_waiting_to_render;
    while (waiting > most && !most_waiting_to_render.compare_exchange_weak(most, waiting)) {
    }
  }
  void OnFramesInFlightChange(int frames, int64_t bytes) override {
    in_flight += frames;
    bytes_in_flight += bytes;
  }
  void OnWorkingBytes(int64_t bytes) override {
    const int64_t now = working_bytes += bytes;
    int64_t most = most_working_bytes;
    while (now > most && !most_working_bytes.compare_exchange_weak(most, now)) {
    }
  }
  void OnBatch(int frames) override { batched += frames; }
  void OnReplicaBusy(const ServedModel& /*model*/, size_t /*replica*/, bool busy) override {
    busy_replicas += busy ? 1 : -1;
  }
  void OnReplicaOverdue(const ServedModel& /*model*/, size_t /*replica*/, ReplicaWork work) override {
    ++(work == ReplicaWork::kBatch ? overdue_batches : overdue_rebuilds);
  }
  void OnReplicaFailure(bool rebuilt) override { ++(rebuilt ? rebuilt_replicas : lost_replicas); }
  void OnOutOfMemory(int frames) override { frames_without_room += frames; }
  void OnQueueWait(PipelineQueue /*queue*/, double seconds) override {
    ++waits;
    if (seconds < 0) ++negative_waits;
  }
  void OnFrameAnswered(const ServedModel& /*model*/, const std::string& client,
                       const InspectionOutcome& /*outcome*/) override {
    ++answered;
    NoteClient(client);
  }
  void OnFrameFailed(const ServedModel* model, const std::string& client, const absl::Status& status) override {
    ++failed;
    if (model == nullptr) ++failed_without_model;
    NoteClient(client);
    const std::optional<Refusal> refusal = RefusalOf(status);
    if (refusal.has_value()) ++refused.at(static_cast<size_t>(*refusal));
  }

  // Whose frames have ended.
  std::multiset<std::string> clients() const {
    MutexLock lock(mu_);
    return clients_;
  }

  int Refused(Refusal refusal) const { return refused.at(static_cast<size_t>(refusal)); }

  std::atomic<int64_t> working_bytes{0};
  std::atomic<int64_t> most_working_bytes{0};
  std::atomic<int> queued{0};
  std::atomic<int64_t> queued_bytes{0};
  std::atomic<int> waiting_at_door{0};
  std::atomic<int64_t> bytes_at_door{0};
  std::atomic<int> waiting_for_model{0};
  std::atomic<int> waiting_to_render{0};
  std::atomic<int> most_waiting_to_render{0};
  std::atomic<int> in_flight{0};
  std::atomic<int64_t> bytes_in_flight{0};
  std::atomic<int> busy_replicas{0};
  std::atomic<int> batched{0};
  std::atomic<int> overdue_batches{0};
  std::atomic<int> overdue_rebuilds{0};
  std::atomic<int> rebuilt_replicas{0};
  std::atomic<int> lost_replicas{0};
  std::atomic<int> frames_without_room{0};
  std::atomic<int> answered{0};
  std::atomic<int> failed{0};
  std::atomic<int> failed_without_model{0};
  std::atomic<int> waits{0};
  std::atomic<int> negative_waits{0};
  std::array<std::atomic<int>, kRefusals> refused{};

 private:
  void NoteClient(const std::string& client) {
    MutexLock lock(mu_);
    clients_.insert(client);
  }

  mutable Mutex mu_;
  std::multiset<std::string> clients_ ABSL_GUARDED_BY(mu_);
};

// Collects results in the order of their arrival.
class Results {
 public:
  Pipeline::Callback Add() {
    return [this](FrameResult result) {
      MutexLock lock(mu_);
      results_.push_back(std::move(result));
      changed_.NotifyAll();
    };
  }
  std::vector<FrameResult> Wait(size_t count) {
    MutexLock lock(mu_);
    while (results_.size() < count) changed_.Wait(mu_);
    return results_;
  }

 private:
  Mutex mu_;
  CondVar changed_;
  std::vector<FrameResult> results_ ABSL_GUARDED_BY(mu_);
};

// A gray 4 x 2 picture.
inline FrameRequest MakeRequest(uint64_t seed = 1) {
  auto bytes = std::make_shared<std::vector<uint8_t>>(8, uint8_t{128});
  FrameRequest request;
  request.image.pixels = RawImage{.data = *bytes, .width = 4, .height = 2, .stride = 0, .format = PixelFormat::kMono8};
  request.owner = std::move(bytes);
  request.options.category = {.category = "metal nut", .seed = seed};
  return request;
}

inline ModelSet OneModel(const std::vector<std::shared_ptr<FakeDetector>>& detectors) {
  auto model = std::make_shared<ServedModel>("fake", ReplicasOf(detectors));
  return {.models = {{"fake", std::move(model)}}, .default_model = "fake"};
}

class PipelineTest : public ::testing::Test {
 protected:
  void Make(const PipelineOptions& options) {
    pipeline_ = Pipeline::Create(options, observer_);
    pipeline_->SetModels(OneModel({detector_}));
  }
  void SetUp() override { Make({.image_limits = {}, .max_frames_in_flight = 8, .max_batch = 4}); }
  // Here and not in the destructor: what derived tests have goes before that, and callbacks may still use it.
  void TearDown() override {
    detector_->Release();
    pipeline_.reset();
  }

  // Occupies the model, so that what is submitted next waits before it.
  void HoldModel() {
    detector_->Hold();
    ASSERT_TRUE(pipeline_->Submit(MakeRequest(0), results_.Add()).ok());
    detector_->WaitForCalls(1);
  }

  CountingObserver observer_;
  std::shared_ptr<FakeDetector> detector_ = std::make_shared<FakeDetector>();
  Results results_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace bayespfl::server

#endif  // BAYESPFL_TESTS_SERVER_PIPELINE_FIXTURE_H_
