// The detector of packages of kind "bayes-pfl".
#ifndef BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_
#define BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "model/detection/device.h"
#include "model/detection/frame_preparer.h"
#include "model/detection/recorded_batches.h"
#include "model/detection/stream_pool.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/network/prompt_form.h"
#include "model/package/model_package.h"

namespace bayespfl {

class BayesPflDetector final : public Detector {
 public:
  // Errors as Detector::Create(). Of `options` only what ModelPackage::Open() does not take counts: the precision is
  // the package's.
  static absl::StatusOr<std::unique_ptr<BayesPflDetector>> Load(const ModelPackage& package, torch::Device device,
                                                                const DetectorOptions& options);

  // One that shares everything with this one but how its text tower is fed; the others' is PromptForm::kShared. It has
  // nothing recorded.
  std::unique_ptr<BayesPflDetector> With(PromptForm prompts) const;

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override {
    return frames_->Prepare(frame);
  }
  Detection Finish(ComputedFrame frame) const override { return frames_->Finish(std::move(frame)); }
  absl::Status Validate(absl::string_view object, int samples) const override {
    return frames_->Validate(object, samples);
  }
  const ModelInfo& info() const override { return frames_->info(); }
  std::shared_ptr<const FrameHandler> frame_handler() const override { return frames_; }
  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override;

  // Batches so far that a recording of the device's was used for.
  int64_t replays() const { return recorded_ != nullptr ? recorded_->replays() : 0; }
  // Compute() takes one of them for a batch.
  StreamPool& streams() const { return *streams_; }

 private:
  BayesPflDetector(std::shared_ptr<const FrameHandler> frames, std::shared_ptr<const BayesPflModel> model,
                   std::shared_ptr<StreamPool> streams, std::shared_ptr<FirstSeed> first_seed, PromptForm prompts,
                   std::unique_ptr<RecordedBatches> recorded = nullptr)
      : frames_(std::move(frames)),
        model_(std::move(model)),
        streams_(std::move(streams)),
        first_seed_(std::move(first_seed)),
        prompts_(prompts),
        recorded_(std::move(recorded)) {}

  NoiseSeeds SeedsOf(const FrameSettings& settings) const;

  const std::shared_ptr<const FrameHandler> frames_;
  const std::shared_ptr<const BayesPflModel> model_;
  const std::shared_ptr<StreamPool> streams_;
  const std::shared_ptr<FirstSeed> first_seed_;
  const PromptForm prompts_;
  const std::unique_ptr<RecordedBatches> recorded_;  // null: the device records none
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_
