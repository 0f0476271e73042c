// The frames of the detector of packages of kind "bayes-pfl", before and after the device. No LibTorch.
#ifndef BAYESPFL_MODEL_DETECTION_BAYESPFL_FRAMES_H_
#define BAYESPFL_MODEL_DETECTION_BAYESPFL_FRAMES_H_

#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "model/detection/detector.h"
#include "model/detection/frame_preparer.h"

namespace bayespfl {

// Immutable.
class BayesPflFrames final : public FrameHandler {
 public:
  BayesPflFrames(FramePreparer preparer, ModelInfo info);

  absl::StatusOr<std::unique_ptr<const PreparedFrame>> Prepare(const Frame& frame) const override;
  Detection Finish(ComputedFrame frame) const override;
  absl::Status Validate(absl::string_view object, int samples) const override;
  const ModelInfo& info() const override { return info_; }

 private:
  const FramePreparer preparer_;
  const ModelInfo info_;
};

}  // namespace bayespfl

#endif  // BAYESPFL_MODEL_DETECTION_BAYESPFL_FRAMES_H_
