// The detector of packages of kind "bayes-pfl".
#ifndef BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_
#define BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "model/detection/detector.h"
#include "model/detection/device.h"
#include "model/detection/frame_preparer.h"
#include "model/network/model.h"
#include "model/network/noise.h"
#include "model/package/model_package.h"

namespace bayespfl {

class BayesPflDetector final : public Detector {
 public:
  // Errors as Detector::Create().
  static absl::StatusOr<std::unique_ptr<Detector>> Load(const ModelPackage& package, torch::Device device);

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override;
  std::vector<absl::StatusOr<ComputedFrame>> Compute(absl::Span<const PreparedFrame* const> frames) const override;
  Detection Finish(ComputedFrame frame) const override;
  absl::Status Validate(absl::string_view object, int samples) const override;
  const ModelInfo& info() const override { return info_; }

 private:
  using Batch = std::vector<const BayesPflFrame*>;

  BayesPflDetector(const ModelPackage& package, FramePreparer preparer, std::unique_ptr<const BayesPflModel> model);

  std::vector<ComputedFrame> Run(const Batch& batch) const;
  torch::Tensor Images(const Batch& batch) const;
  PromptNoise NoiseOf(const FrameSettings& settings) const;

  const FramePreparer preparer_;
  const std::unique_ptr<const BayesPflModel> model_;
  ModelInfo info_;

  // "iad_sampling": "first" keeps the image-agnostic draws of the first frame ever computed. Sample r does not depend
  // on R, so remembering the seed is remembering the draws.
  mutable std::once_flag first_seed_once_;
  mutable uint64_t first_seed_ = 0;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BAYESPFL_DETECTOR_H_
